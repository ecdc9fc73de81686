//! The elevation as people look at it: as text for a terminal, as a static SVG for the rack's door.
//!
//! Draws and must never decide: what is wrong with a plan comes in as findings and is shown where
//! it is. Zones are told apart without colour, by letter and pattern. Nothing is read or written
//! here, and every text that goes into a picture is escaped.

mod mark;
mod scene;
mod svg;
mod text;

use std::fmt::{Arguments, Write as _};

use cofferdam_hwprofile::Policy;

use crate::elevation::Survey;
use scene::Scene;

/// What the picture says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caption {
    /// The epoch of the manifest, or that nobody signed it.
    pub epoch: String,
    /// How much the picture is worth, in words.
    pub grade: String,
}

/// Whether a terminal looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paint {
    /// Letters and patterns alone.
    Plain,
    /// Colour beside them.
    Colour,
}

/// Draws every rack, front beside rear, as lines of text.
#[must_use]
pub fn text(survey: &Survey, policy: &Policy, caption: &Caption, paint: Paint) -> String {
    text::draw(&Scene::of(survey, policy), caption, paint)
}

/// Draws every rack as one SVG without script, style sheet from elsewhere or font of its own.
#[must_use]
pub fn svg(survey: &Survey, policy: &Policy, caption: &Caption) -> String {
    svg::draw(&Scene::of(survey, policy), caption)
}

/// Adds a piece to a text.
fn put(text: &mut String, piece: Arguments<'_>) {
    text.write_fmt(piece)
        .expect("writing into a String cannot fail");
}

#[cfg(test)]
mod tests;
