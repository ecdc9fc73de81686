//! Which cells may be shown: the rule of small groups and of what could be derived from the rest.
//!
//! Pure: takes what each group stands on and answers which groups stay. Must never know a value of
//! a record; keys arrive as numbers.
//!
//! A group is *small* if it stands on fewer than k records (or people), if fewer than k of them
//! answered a column that is summarised, or if some, but fewer than k, left it blank: those blanks
//! would follow by subtraction, and `count(column)` prints them. Small groups are withheld. Then,
//! along every margin of the table (every set of keys that is held fixed, none of them for the
//! grand total), what is withheld must be at least two groups that together stand on at least k;
//! otherwise the smallest group that is still shown there is withheld as well, until nothing
//! changes. So a total that somebody knows from elsewhere never yields a withheld cell.

use std::collections::BTreeMap;

/// What one group stands on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The group's keys, each value of a key as a number.
    pub keys: Vec<u32>,
    /// Records, or people, in the group.
    pub size: u64,
    /// For each column that is summarised, who answered and who did not.
    pub answers: Vec<Answers>,
}

/// Who answered a column within one group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answers {
    /// Records, or people, with a value.
    pub given: u64,
    /// Records, or people, without.
    pub blank: u64,
}

/// How the sizes of two groups add up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overlap {
    /// Groups are of records: none is in two groups.
    Disjoint,
    /// Groups are of people: the same people may stand in many groups, so only the largest counts.
    Possible,
}

/// The verdict over all groups of one query.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Verdict {
    /// For each group, whether it may be shown.
    pub shown: Vec<bool>,
    /// How many are withheld, where that may be told: `None` if the withheld groups stand on fewer
    /// than k together, which is answered in the same words as if there were none.
    pub withheld: Option<u64>,
}

/// Judges the groups of one query.
pub fn judge(groups: &[Standing], k: u64, overlap: Overlap) -> Verdict {
    let mut table = Table {
        groups,
        k,
        overlap,
        shown: Vec::new(),
    };
    table.shown = groups.iter().map(|group| !is_small(group, k)).collect();
    let keys = groups.first().map_or(0, |group| group.keys.len());
    let margins = margins(keys);
    while margins.iter().any(|held| table.protect(held)) {}
    let all: Vec<usize> = (0..groups.len()).collect();
    let withheld = all
        .iter()
        .copied()
        .filter(|at| !table.is_shown(*at))
        .collect::<Vec<_>>();
    // Where something is shown, what is withheld stands on enough, or nothing is withheld at all.
    let told = table.shown.contains(&true) || table.stands_on_enough(&withheld);
    let count = u64::try_from(withheld.len()).unwrap_or(u64::MAX);
    Verdict {
        shown: table.shown,
        withheld: told.then_some(count),
    }
}

fn is_small(group: &Standing, k: u64) -> bool {
    group.size < k
        || group
            .answers
            .iter()
            .any(|answers| answers.given < k || (1..k).contains(&answers.blank))
}

/// Every set of keys that leaves at least one free; the empty set is the grand total.
fn margins(keys: usize) -> Vec<Vec<usize>> {
    let mut sets: Vec<Vec<usize>> = vec![Vec::new()];
    for key in 0..keys {
        let with = sets
            .iter()
            .map(|set| set.iter().copied().chain([key]).collect());
        let with: Vec<Vec<usize>> = with.collect();
        sets.extend(with);
    }
    sets.retain(|set| set.len() < keys.max(1));
    sets
}

struct Table<'a> {
    groups: &'a [Standing],
    k: u64,
    overlap: Overlap,
    shown: Vec<bool>,
}

impl Table<'_> {
    /// Withholds what one margin would give away; says whether anything changed.
    fn protect(&mut self, held: &[usize]) -> bool {
        let mut lines: BTreeMap<Vec<u32>, Vec<usize>> = BTreeMap::new();
        for (at, group) in self.groups.iter().enumerate() {
            let line = held
                .iter()
                .filter_map(|key| group.keys.get(*key).copied())
                .collect();
            lines.entry(line).or_default().push(at);
        }
        let mut changed = false;
        for mut line in lines.into_values() {
            // Smallest first, and equal ones in the order of their keys, so that the same table is
            // always answered in the same way.
            line.sort_by_key(|at| self.groups.get(*at).map(|group| (group.size, &group.keys)));
            changed |= self.protect_line(&line);
        }
        changed
    }

    fn protect_line(&mut self, line: &[usize]) -> bool {
        let mut withheld: Vec<usize> = line
            .iter()
            .copied()
            .filter(|at| !self.is_shown(*at))
            .collect();
        let mut changed = false;
        for at in line {
            if withheld.is_empty() || (withheld.len() > 1 && self.stands_on_enough(&withheld)) {
                break;
            }
            if let Some(shown) = self.shown.get_mut(*at).filter(|shown| **shown) {
                *shown = false;
                withheld.push(*at);
                changed = true;
            }
        }
        changed
    }

    fn is_shown(&self, at: usize) -> bool {
        self.shown.get(at).copied().unwrap_or(false)
    }

    /// Whether these groups together stand on at least k, by every count that is known of them.
    fn stands_on_enough(&self, withheld: &[usize]) -> bool {
        let groups: Vec<_> = withheld
            .iter()
            .filter_map(|at| self.groups.get(*at))
            .collect();
        let columns = groups.first().map_or(0, |group| group.answers.len());
        let size = self.together(groups.iter().map(|group| group.size));
        let given = |column: usize| {
            let answers = groups.iter().filter_map(|group| group.answers.get(column));
            self.together(answers.map(|answers| answers.given))
        };
        size >= self.k && (0..columns).all(|column| given(column) >= self.k)
    }

    fn together(&self, sizes: impl Iterator<Item = u64>) -> u64 {
        match self.overlap {
            Overlap::Disjoint => sizes.fold(0, u64::saturating_add),
            Overlap::Possible => sizes.max().unwrap_or(0),
        }
    }
}

#[cfg(test)]
mod tests;
