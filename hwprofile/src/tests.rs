//! Whole machines against whole policies: the shipped lab, and what changes when one thing does.

mod damage;
mod endorsement;
mod evidence;
mod firmware;
mod fixtures;
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
