//! Tests of the drawing as a file: that it is XML, that every box lies on its page, and that zones
//! and loads without number are still told apart.

use proptest::prelude::*;
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::super::{Caption, Paint, Scene, put, svg, text};
use crate::elevation::sample::{FEEDS, device, policy, power, survey};

fn caption() -> Caption {
    Caption {
        epoch: "epoch 1".to_owned(),
        grade: "a plan".to_owned(),
    }
}

fn number(element: &BytesStart<'_>, name: &str) -> Option<u64> {
    let attribute = element.try_get_attribute(name).unwrap()?;
    let value = String::from_utf8(attribute.value.into_owned()).unwrap();
    value.parse().ok()
}

/// Reads the drawing as XML. Gives every box: left, top, width, height; the page is the first.
fn boxes(drawing: &str) -> Result<Vec<[u64; 4]>, String> {
    let mut reader = Reader::from_str(drawing);
    let mut boxes = Vec::new();
    let mut open = 0_usize;
    loop {
        match reader.read_event().map_err(|error| error.to_string())? {
            Event::Eof if open == 0 => return Ok(boxes),
            Event::Eof => return Err("it ends within an element".to_owned()),
            Event::Start(_) => open += 1,
            Event::End(_) => open -= 1,
            Event::Empty(element) if element.name().as_ref() == b"rect" => {
                let part = |name| number(&element, name);
                let (wide, high) = (part("width"), part("height"));
                let (Some(wide), Some(high)) = (wide, high) else {
                    return Err(format!("a box without a size: {element:?}"));
                };
                let at = (part("x").unwrap_or(0), part("y").unwrap_or(0));
                boxes.push([at.0, at.1, wide, high]);
            }
            Event::Empty(_)
            | Event::Text(_)
            | Event::CData(_)
            | Event::Comment(_)
            | Event::Decl(_)
            | Event::PI(_)
            | Event::DocType(_)
            | Event::GeneralRef(_) => {}
        }
    }
}

/// Draws both pictures, and expects a file of XML whose boxes all lie on its page.
fn check(body: &str) -> (String, String) {
    let policy = policy("");
    let survey = survey(body, &policy);
    let drawn = svg(&survey, &policy, &caption());
    let lines = text(&survey, &policy, &caption(), Paint::Plain);
    // The boxes of the patterns have units of their own.
    let (_, rest) = drawn.split_once("</defs>").unwrap();
    let on_page = boxes(&format!("<svg>{rest}")).unwrap_or_else(|fault| panic!("{fault}"));
    boxes(&drawn).unwrap_or_else(|fault| panic!("{fault}"));
    let page = on_page[0];
    for [x, y, wide, high] in on_page {
        let inside = x + wide <= page[2] && y + high <= page[3];
        assert!(inside, "{x} {y} {wide} {high} on {page:?}");
    }
    (drawn, lines)
}

/// So many devices that all claim the units of one enclosure.
fn crowd(count: usize) -> String {
    let bay = |number| format!("[[rack.R1.device.bay]]\nname = \"{number}\"\n");
    let bays: String = (0..4).map(bay).collect();
    let enclosure = device("enc", 10, &format!("u_height = 2\n{bays}"));
    let others: String = (0..count)
        .map(|number| device(&format!("d{number}"), 10, ""))
        .collect();
    format!("{enclosure}{others}")
}

#[test]
fn an_enclosure_whose_units_forty_devices_claim_is_drawn() {
    for count in [38, 39, 40, 60, 255] {
        check(&crowd(count));
    }
}

#[test]
fn the_bar_of_an_overload_is_longer_than_its_limit_and_grows_with_it() {
    let over = |watts| {
        let feed = "[rack.R1.feed.A]\ntype = \"primary\"\nvoltage = 100\namperage = 100\n\
                    max_utilization = 100\n";
        let body = device("d", 1, &power(&[("A", 0, watts)]));
        let (drawn, _) = check(&format!("{feed}{body}"));
        let line = drawn.lines().find(|line| line.contains("class=\"over\""));
        let (_, rest) = line.unwrap().split_once(" width=\"").unwrap();
        let (wide, _) = rest.split_once('"').unwrap();
        wide.parse::<u32>().unwrap()
    };
    let (little, more, much) = (over(10_100), over(11_000), over(12_000));
    assert!(
        0 < little && little < more && more < much,
        "{little} {more} {much}"
    );
    assert_eq!(over(500_000), over(900_000), "it stays in its column");
}

#[test]
fn every_zone_has_a_pattern_of_its_own_however_many_there_are() {
    let zones = (0..70)
        .map(|number| {
            format!(
                "[zone.z{number}]\nkind = \"analytics\"\nexposure = \"internal\"\n\
                 data = \"none\"\nbecause = \"legal\"\nplatform = \"bare\"\n\
                 [node.n{number}]\nzone = \"z{number}\"\nquorum = 2\n[node.n{number}.pin]\n\
                 product_serial = \"S-{number}-48213\"\ndisk = [\"eui.7a35100000d4{number:04x}\"]\n"
            )
        })
        .collect::<Vec<_>>()
        .concat();
    let policy = policy(&zones);
    let survey = survey("", &policy);
    let drawn = svg(&survey, &policy, &caption());
    let mut ids: Vec<&str> = drawn
        .split("<pattern id=\"")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .collect();
    let all = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!((ids.len(), all), (75, 75), "72 zones and three grounds");
    assert!(
        ids.iter()
            .all(|id| id.bytes().all(|byte| byte.is_ascii_alphanumeric()))
    );
    let scene = Scene::of(&survey, &policy);
    let asked = scene
        .marks
        .values()
        .filter(|mark| mark.letter == '?')
        .count();
    assert!(
        asked <= 10,
        "62 letters and digits are spent first: {asked}"
    );
}

#[test]
fn a_plan_without_a_rack_still_tells_what_was_found() {
    let policy = policy("");
    let survey = crate::Elevation::survey("e.toml", "version = 1\n[rack]\n", &policy).unwrap();
    assert_eq!(survey.findings().len(), 2);
    let drawn = svg(&survey, &policy, &caption());
    assert!(drawn.contains("no place for kp0") && drawn.contains("no place for st0"));
    boxes(&drawn).unwrap_or_else(|fault| panic!("{fault}"));
    let lines = text(&survey, &policy, &caption(), Paint::Plain);
    assert!(lines.contains("no place for kp0") && lines.contains("no place for st0"));
}

/// One device: where, how high, which face, how deep, how many bays, whether it draws.
type Any = (usize, usize, bool, bool, usize, bool);

fn any_device(number: usize, (at, high, rear, deep, bays, draws): Any) -> String {
    let face = if rear { "rear" } else { "front" };
    let mut rest = format!("u_height = {high}\nface = \"{face}\"\nfull_depth = {deep}\n");
    if draws {
        rest.push_str(&power(&[("A", 0, 900), ("B", 0, 900)]));
    }
    for bay in 0..bays {
        put(
            &mut rest,
            format_args!("[[rack.R1.device.bay]]\nname = \"{bay}\"\n"),
        );
    }
    device(&format!("d{number}"), at, &rest)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn any_plan_that_parses_is_drawn_on_its_page(
        devices in proptest::collection::vec(
            (0..60_usize, 0..9_usize, any::<bool>(), any::<bool>(), 0..20_usize, any::<bool>()),
            0..90,
        ),
        units in 1..50_u8,
        starting in 0..60_u8,
        spread in 1..60_usize,
    ) {
        let body: String = devices
            .into_iter()
            .enumerate()
            .map(|(index, any)| any_device(index, (any.0 % spread, any.1, any.2, any.3, any.4, any.5)))
            .collect();
        let rack = format!("u_height = {units}\nstarting_unit = {starting}\nmax_weight_kg = 9\n");
        check(&format!("{rack}{FEEDS}{body}"));
    }
}
