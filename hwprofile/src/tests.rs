//! Whole machines against whole policies: the shipped lab, and what changes when one thing does.

mod adapters;
mod damage;
mod drives;
mod endorsement;
mod evidence;
mod firmware;
mod fixtures;
mod graphics;
mod inventory;
mod lab;
mod matrix;
mod pins;
mod platform;
mod policy;
mod properties;
pub(crate) mod rig;
mod separation;
mod table;
mod trees;
