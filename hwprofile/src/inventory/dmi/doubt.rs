//! How much of what the firmware says of boards and enclosures could be read.
//!
//! What is missing, or a placeholder, hides nothing. What is there and could not be read may be the
//! very value that another machine shows, so it must never be passed over in a count.

use crate::fact::{Fact, Reading};
use crate::identifier::Identifier;
use crate::inventory::{Dmi, RackLocator};

impl Dmi {
    /// How many enclosures are listed, unless a list of them or the name of one could not be read.
    pub(crate) fn enclosure_count(&self) -> Reading<u64> {
        let locators = &self.rack_locators;
        let is_told = matches!(locators.fact, Fact::Value(_) | Fact::Absent);
        let lists = [
            self.enclosures.broken(),
            // A maker who wrote a placeholder of himself wrote records that nobody can tell.
            (!is_told).then(|| none(locators)),
        ];
        let listed = self.enclosures.value().into_iter().flatten();
        let listed = listed.map(|one| one.serial.clone().at(format!("{} serial", one.origin)));
        let located = locators.value().into_iter().flatten();
        let names = listed.chain(located.flat_map(RackLocator::names));
        let names = std::iter::once(self.chassis_serial.clone()).chain(names);
        doubt(lists, names).unwrap_or_else(|| count(&self.enclosures))
    }

    /// How many boards are listed, unless their list or what names one of them could not be read.
    pub(crate) fn board_count(&self) -> Reading<u64> {
        let lists = [self.boards.broken(), self.product_uuid.broken()];
        let listed = self.boards.value().into_iter().flatten();
        let listed = listed.map(|one| one.serial.clone().at(format!("{} serial", one.origin)));
        let shown = [self.product_serial.clone(), self.board_serial.clone()];
        doubt(lists, shown.into_iter().chain(listed)).unwrap_or_else(|| count(&self.boards))
    }
}

/// The first list or name that could not be read.
fn doubt(
    lists: [Option<Reading<u64>>; 2],
    mut names: impl Iterator<Item = Reading<Identifier>>,
) -> Option<Reading<u64>> {
    let list = lists.into_iter().flatten().next();
    list.or_else(|| names.find_map(|name| name.broken()))
}

fn none<T>(reading: &Reading<T>) -> Reading<u64> {
    reading.fact.as_ref().map(|_| 0).at(reading.path.clone())
}

fn count<T>(list: &Reading<Vec<T>>) -> Reading<u64> {
    let count = |list: &Vec<T>| u64::try_from(list.len()).unwrap_or(u64::MAX);
    list.fact.as_ref().map(count).at(list.path.clone())
}
