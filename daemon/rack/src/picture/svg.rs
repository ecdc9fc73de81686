//! The elevation as one static SVG: a page a rack, each with its title, both faces and a panel.

mod canvas;
mod face;
mod panel;

use super::scene::Scene;
use super::{Caption, put};
use crate::elevation::{Face, Finding, Rack, Severity};
use canvas::{Area, Canvas, Type, escaped};
use face::FaceArt;

const MARGIN: u32 = 36;
const TITLE: u32 = 104;
const FOOT: u32 = 44;
const GAP: u32 = 10;
const PAGE: u32 = MARGIN + face::WIDTH + GAP + face::WIDTH + GAP + panel::WIDTH + MARGIN;

const STYLE: &str = "text{font-family:Inter,'Helvetica Neue',Helvetica,Arial,'DejaVu Sans',\
    sans-serif;fill:#1d2733}\
    .b{font-weight:700}.c{text-anchor:middle}.e{text-anchor:end}\
    .m{fill:#4a5563}.i{fill:#6b7683;font-style:italic}.w{fill:#fff;font-weight:700}\
    .h{font-weight:700;letter-spacing:1.5px;fill:#1d2733}\
    .n{fill:#6b7683;font-variant-numeric:tabular-nums}.bad{fill:#b00020}\
    .frame{fill:#39434f}.hollow{fill:#f3f4f6}.line{stroke:#dde1e6;fill:none}\
    .rule{stroke:#1d2733;stroke-width:1}\
    .passive{fill:#e3e6ea;stroke:#aab2bc}.behind{fill:url(#behind);stroke:#b4bcc6;\
    stroke-dasharray:4 3}.enclosure{fill:#4d5866;stroke:#39434f}\
    .plate{fill:#fff;fill-opacity:.92}\
    .fault{fill:none;stroke:#b00020;stroke-width:3}\
    .warning{fill:none;stroke:#8a5a00;stroke-width:2;stroke-dasharray:5 3}\
    .track{fill:#eceff2}.bar{stroke:#39434f;stroke-width:1}.live{fill:#4d5866}\
    .over{fill:#b00020}.limit{stroke:#1d2733;stroke-width:2}";

/// What fills a zone's ground, by the number of its pattern; drawn in the zone's strong colour.
const PATTERNS: [&str; super::mark::PATTERNS] = [
    "M-2 2l4 -4M0 10l10 -10M8 12l4 -4",
    "M5 0v10",
    "M3 3h1v1h-1zM8 8h1v1h-1z",
    "M-2 8l4 4M0 0l10 10M8 -2l4 4",
    "M0 5h10",
    "M0 5h10M5 0v10",
    "M0 2l5 5l5 -5",
    "M-2 2l4 -4M0 10l10 -10M8 12l4 -4M-2 8l4 4M0 0l10 10M8 -2l4 4",
];

pub(super) fn draw(scene: &Scene<'_>, caption: &Caption) -> String {
    let mut canvas = Canvas::default();
    let mut y = 0;
    for rack in &scene.racks {
        y = page(&mut canvas, scene, (rack, caption), y);
    }
    if scene.racks.is_empty() {
        y = unplaced(&mut canvas, scene);
    }
    let names: Vec<&str> = scene.racks.iter().map(|rack| rack.name.as_str()).collect();
    let title = escaped(&format!("elevation of {}", names.join(", ")));
    let (patterns, body) = (patterns(scene), canvas.into_body());
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {PAGE} {y}\" width=\"{PAGE}\" \
         height=\"{y}\" role=\"img\">\n<title>{title}</title>\n<style>{STYLE}</style>\n\
         <defs>\n{patterns}</defs>\n\
         <rect width=\"{PAGE}\" height=\"{y}\" fill=\"#fff\"/>\n{body}</svg>\n"
    )
}

/// One rack on a page of its own. Gives where the next one begins.
fn page(
    canvas: &mut Canvas,
    scene: &Scene<'_>,
    (rack, caption): (&Rack, &Caption),
    top: u32,
) -> u32 {
    title(canvas, scene, (rack, caption), top);
    let begin = top + TITLE;
    let mut left = MARGIN;
    let mut bottom = begin;
    for face in [Face::Front, Face::Rear] {
        let art = FaceArt {
            scene,
            rack,
            face,
            left,
            top: begin,
        };
        bottom = bottom.max(art.draw(canvas));
        left += face::WIDTH + GAP;
    }
    let high = panel::draw(canvas, scene, rack, (left, begin - 10));
    let foot = bottom.max(begin.saturating_add(high)).saturating_add(30);
    let text = "Drawn by cofferctl rack show from elevation.toml and hwprofile.toml: what is \
                intended. Only evidence says what is there.";
    canvas.text((MARGIN, foot), Type::new(10, "i"), text);
    foot.saturating_add(FOOT / 2)
}

/// The page of a plan without a rack: what was found stands nowhere, and is told all the same.
fn unplaced(canvas: &mut Canvas, scene: &Scene<'_>) -> u32 {
    let name = Type::new(32, "b");
    canvas.text((MARGIN, 46), name, "no rack in the plan");
    let end = panel::findings(canvas, scene.numbered(), (MARGIN, TITLE));
    end.saturating_add(FOOT)
}

fn title(canvas: &mut Canvas, scene: &Scene<'_>, (rack, caption): (&Rack, &Caption), top: u32) {
    let name = Type::new(32, "b");
    canvas.text((MARGIN, top + 46), name, &rack.name);
    let at = MARGIN + name.width(&rack.name) + 14;
    let site = format!("site {}", scene.policy.site());
    canvas.text((at, top + 46), Type::new(16, "m"), &site);
    let facts = format!(
        "{} U  ·  air {}  ·  {}  ·  {}",
        rack.u_height,
        rack.stream(),
        caption.epoch,
        caption.grade
    );
    canvas.text((MARGIN, top + 68), Type::new(13, "m"), &facts);
    let faults = scene
        .notes(rack)
        .filter(|(_, finding)| finding.severity == Severity::Fault);
    let (faults, all) = (faults.count(), scene.notes(rack).count());
    let (text, class) = if faults > 0 {
        (counted(faults, "fault"), "b e bad")
    } else if all > 0 {
        (counted(all, "warning"), "b e")
    } else {
        ("keeps every rule".to_owned(), "b e")
    };
    canvas.text((PAGE - MARGIN, top + 46), Type::new(20, class), &text);
}

fn counted(count: usize, word: &str) -> String {
    let ending = if count == 1 { "" } else { "s" };
    format!("{count} {word}{ending}")
}

/// Numbers of findings: round and red for faults, square and amber for warnings.
fn pill(canvas: &mut Canvas, (x, middle): (u32, u32), notes: &[(usize, &Finding)]) {
    let is_fault = notes
        .iter()
        .any(|(_, finding)| finding.severity == Severity::Fault);
    let numbers: Vec<String> = notes.iter().map(|(number, _)| number.to_string()).collect();
    let set = if is_fault {
        Type::new(11, "w c")
    } else {
        Type::new(11, "b c")
    };
    let text = numbers.join(" ");
    let text = set.cut(&text, 44);
    let wide = set.width(&text).saturating_add(12).max(20);
    let area = Area::new(x, middle.saturating_sub(9), wide, 18);
    if is_fault {
        canvas.shape(area, 9, "fill=\"#b00020\"");
    } else {
        let attributes = "fill=\"#ffe3a3\" stroke=\"#8a5a00\" stroke-width=\"1\"";
        canvas.shape(area, 2, attributes);
    }
    canvas.text((x + wide / 2, middle + 4), set, &text);
}

/// The findings of one device, two beside each other, each in its own shape. Gives how low they
/// reach.
fn pills(canvas: &mut Canvas, (x, middle): (u32, u32), notes: &[(usize, &Finding)]) -> u32 {
    let mut bottom = middle;
    for (place, note) in (0_u32..).zip(notes) {
        let x = x.saturating_add((place % 2).saturating_mul(27));
        let middle = middle.saturating_add((place / 2).saturating_mul(20));
        pill(canvas, (x, middle), std::slice::from_ref(note));
        bottom = middle.saturating_add(10);
    }
    bottom
}

fn patterns(scene: &Scene<'_>) -> String {
    let mut text = String::from(
        "<pattern id=\"holes\" width=\"13\" height=\"24\" patternUnits=\"userSpaceOnUse\" \
         y=\"0\"><rect width=\"13\" height=\"24\" fill=\"#7a8593\"/>\
         <path d=\"M5 4h3v3h-3zM5 11h3v3h-3zM5 18h3v3h-3z\" fill=\"#39434f\"/></pattern>\n\
         <pattern id=\"behind\" width=\"10\" height=\"10\" patternUnits=\"userSpaceOnUse\">\
         <rect width=\"10\" height=\"10\" fill=\"#f7f8f9\"/>\
         <path d=\"M0 10l10 -10\" stroke=\"#dfe3e8\"/></pattern>\n\
         <pattern id=\"lost\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\">\
         <rect width=\"6\" height=\"6\" fill=\"#fff\"/>\
         <path d=\"M-1 1l2 -2M0 6l6 -6M5 7l2 -2\" stroke=\"#4d5866\" stroke-width=\"1.5\"/>\
         </pattern>\n",
    );
    for mark in scene.marks.values() {
        let path = PATTERNS.get(mark.pattern).copied().unwrap_or_default();
        let colour = mark.colour;
        put(
            &mut text,
            format_args!(
                "<pattern id=\"z{}\" width=\"10\" height=\"10\" patternUnits=\"userSpaceOnUse\">\
             <rect width=\"10\" height=\"10\" fill=\"{}\"/>\
             <path d=\"{path}\" stroke=\"{}\" stroke-width=\"1.4\" fill=\"none\" \
             stroke-opacity=\".75\"/></pattern>",
                mark.number, colour.tint, colour.strong
            ),
        );
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests;
