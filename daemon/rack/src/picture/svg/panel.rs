//! What stands beside the faces: the zones with their marks, the power of each feed in each case,
//! the weight, and every finding in words.

use cofferdam_hwprofile::refusal::one_line;

use super::super::scene::Scene;
use super::super::text::tenths_of_kilograms;
use super::canvas::{Area, Canvas, Type};
use super::pill;
use crate::elevation::{Feed, Finding, Load, Rack, Target};

/// How wide the panel is.
pub(super) const WIDTH: u32 = 430;
/// How wide a bar at its limit is.
const BAR: u32 = 150;
/// How wide a bar beyond its limit may grow: to four thirds of it.
const BAR_MOST: u32 = 200;

const HEAD: Type = Type::new(12, "h");
const BODY: Type = Type::new(12, "t");
const SMALL: Type = Type::new(11, "m");
const BOLD: Type = Type::new(12, "b");

/// Draws the panel and gives the height that it took.
pub(super) fn draw(
    canvas: &mut Canvas,
    scene: &Scene<'_>,
    rack: &Rack,
    (x, top): (u32, u32),
) -> u32 {
    let mut y = zones(canvas, scene, (x, top));
    y = power(canvas, scene, rack, (x, y.saturating_add(22)));
    y = weight(canvas, scene, rack, (x, y.saturating_add(22)));
    y = findings(canvas, scene.notes(rack), (x, y.saturating_add(22)));
    y.saturating_sub(top)
}

fn heading(canvas: &mut Canvas, (x, y): (u32, u32), text: &str) -> u32 {
    canvas.text((x, y), HEAD, text);
    canvas.path(&format!("M{x} {}h{WIDTH}", y + 6), "class=\"rule\"");
    y.saturating_add(14)
}

fn zones(canvas: &mut Canvas, scene: &Scene<'_>, (x, y): (u32, u32)) -> u32 {
    let mut y = heading(canvas, (x, y), "ZONES");
    for zone in scene.policy.zones() {
        let Some(mark) = scene.mark(&zone.name) else {
            continue;
        };
        let sample = Area::new(x, y, 58, 18);
        let fill = format!(
            "fill=\"url(#z{})\" stroke=\"{}\"",
            mark.number, mark.colour.strong
        );
        canvas.shape(sample, 3, &fill);
        let field = Area::new(x, y, 20, 18);
        canvas.shape(field, 3, &format!("fill=\"{}\"", mark.colour.strong));
        let class = if mark.colour.ink == "#ffffff" {
            "b c w"
        } else {
            "b c"
        };
        let letter = Type::new(12, class);
        canvas.text((x + 10, y + 13), letter, &mark.letter.to_string());
        canvas.text((x + 68, y + 13), BOLD, &BOLD.cut(zone.name.as_str(), 140));
        let rest = format!("{} · data {}", zone.exposure, zone.data);
        canvas.text((x + 216, y + 13), SMALL, &rest);
        y = y.saturating_add(24);
    }
    canvas.shape(Area::new(x, y, 58, 18), 3, "class=\"behind\"");
    let behind = "reaches through from the other face";
    canvas.text((x + 68, y + 13), SMALL, behind);
    y = y.saturating_add(24);
    canvas.shape(Area::new(x + 1, y + 1, 24, 16), 3, "class=\"fault\"");
    canvas.text((x + 31, y + 13), SMALL, "fault");
    canvas.shape(Area::new(x + 69, y + 1, 24, 16), 3, "class=\"warning\"");
    canvas.text(
        (x + 99, y + 13),
        SMALL,
        "warning; the numbers are those of the findings",
    );
    y.saturating_add(20)
}

fn power(canvas: &mut Canvas, scene: &Scene<'_>, rack: &Rack, (x, y): (u32, u32)) -> u32 {
    let mut y = heading(canvas, (x, y), "POWER");
    for feed in rack.feeds.values() {
        let name = format!("feed {}", feed.name);
        canvas.text((x, y + 10), BOLD, &BOLD.cut(&name, 150));
        let facts = format!(
            "{} · {} V × {} A · {} · {} % usable",
            feed.role, feed.voltage, feed.amperage, feed.phase, feed.max_utilization
        );
        let at = x + BOLD.width(&name).min(150) + 12;
        canvas.text((at, y + 10), SMALL, &facts);
        y = y.saturating_add(18);
        for load in rack.loads(feed) {
            bar(canvas, load, (x, y));
            let notes = scene.pointing(rack, &target(feed, load));
            if !notes.is_empty() {
                pill(canvas, (x + WIDTH - 30, y + 8), &notes);
            }
            y = y.saturating_add(20);
        }
        y = y.saturating_add(8);
    }
    if rack.feeds.is_empty() {
        canvas.text((x, y + 10), SMALL, "the plan names no feed");
        y = y.saturating_add(18);
    }
    y.saturating_sub(4)
}

fn target(feed: &Feed, load: Load<'_>) -> Target {
    Target::Feed {
        name: feed.name.clone(),
        lost: load.lost.map(str::to_owned),
    }
}

/// One case of one feed: solid with all feeds, hatched with one lost, and red beyond the limit.
fn bar(canvas: &mut Canvas, load: Load<'_>, (x, y): (u32, u32)) {
    let case = load
        .lost
        .map_or("all feeds".to_owned(), |lost| format!("{lost} lost"));
    canvas.text((x, y + 12), SMALL, &SMALL.cut(&case, 84));
    let left = x + 88;
    let scaled = load.watts.saturating_mul(u64::from(BAR)) / load.capacity_watts.max(1);
    let wide = u32::try_from(scaled).unwrap_or(u32::MAX).min(BAR_MOST);
    let wide = if load.is_over() {
        wide.max(BAR + 2)
    } else {
        wide
    };
    canvas.shape(Area::new(left, y + 2, BAR, 12), 2, "class=\"track\"");
    let fill = if load.lost.is_some() {
        "fill=\"url(#lost)\" class=\"bar\""
    } else {
        "class=\"bar live\""
    };
    canvas.shape(Area::new(left, y + 2, wide.min(BAR), 12), 2, fill);
    if load.is_over() {
        let over = Area::new(left + BAR, y + 2, wide.saturating_sub(BAR), 12);
        canvas.shape(over, 0, "class=\"over\"");
    }
    let limit = format!("M{} {y}v16", left + BAR);
    canvas.path(&limit, "class=\"limit\"");
    let class = if load.is_over() { "b bad" } else { "m" };
    let text = format!("{} / {} W", load.watts, load.capacity_watts);
    canvas.text((left + BAR_MOST + 6, y + 12), Type::new(11, class), &text);
}

fn weight(canvas: &mut Canvas, scene: &Scene<'_>, rack: &Rack, (x, y): (u32, u32)) -> u32 {
    let y = heading(canvas, (x, y), "WEIGHT");
    let weight = tenths_of_kilograms(rack.known_weight_g());
    let text = match rack.max_weight_g {
        Some(most) => format!("{weight} kg of {} kg", tenths_of_kilograms(most)),
        None => format!("{weight} kg, no limit in the plan"),
    };
    canvas.text((x, y + 11), BODY, &text);
    let notes = scene.pointing(rack, &Target::Rack);
    if !notes.is_empty() {
        pill(canvas, (x + BODY.width(&text) + 10, y + 7), &notes);
    }
    y.saturating_add(18)
}

/// Every finding in words. Gives where it ends.
pub(super) fn findings<'f>(
    canvas: &mut Canvas,
    notes: impl Iterator<Item = (usize, &'f Finding)>,
    (x, y): (u32, u32),
) -> u32 {
    let mut y = heading(canvas, (x, y), "FINDINGS");
    let mut any = false;
    for (number, finding) in notes {
        any = true;
        pill(canvas, (x, y + 8), &[(number, finding)]);
        let entry = finding.code.entry();
        let title = format!("{}  {}", entry.code, entry.title);
        for line in BOLD.wrap(&title, WIDTH - 36) {
            canvas.text((x + 36, y + 12), BOLD, &line);
            y = y.saturating_add(15);
        }
        for read in &finding.refusal.read {
            for line in SMALL.wrap(&one_line(read), WIDTH - 36) {
                canvas.text((x + 36, y + 12), SMALL, &line);
                y = y.saturating_add(14);
            }
        }
        y = y.saturating_add(8);
    }
    if !any {
        canvas.text((x, y + 11), BODY, "none: the plan keeps every rule");
        y = y.saturating_add(18);
    }
    y
}
