//! Keys of other planners that people bring along, and what to write instead.
//!
//! Each is a trap that was met in a public device library or planner: a unit that is not said, a
//! count from nought, a percent over all feeds. None of them may ever be read as if it were ours.

/// A foreign key and the remedy.
pub(super) const HINTS: &[(&str, &str)] = &[
    (
        "weight",
        "write weight_kg in kilograms: NetBox's weight has a unit beside it, and a library mixes \
         lb, oz, g and kg",
    ),
    (
        "weight_unit",
        "remove it and write weight_kg in kilograms; 1 lb is 0.454 kg, 1 oz is 0.028 kg",
    ),
    (
        "max_weight",
        "write max_weight_kg in kilograms: NetBox's max_weight has a unit beside it and is never \
         enforced; here it is",
    ),
    (
        "is_full_depth",
        "write full_depth, and look at the device: the library calls enclosures half-deep that \
         are not",
    ),
    (
        "mounting_depth",
        "remove it: libraries give the depth of the mounting rails in other units than that of \
         the device, so it decides nothing here",
    ),
    (
        "outer_depth",
        "remove it: outer measures decide nothing here",
    ),
    (
        "desc_units",
        "remove it: units are always counted upwards, and position is the lowest one",
    ),
    (
        "RackOffset",
        "write position = RackOffset + 1: Redfish counts from 0 at the bottom",
    ),
    (
        "RackOffsetUnits",
        "remove it; OpenU offsets must be turned into EIA units first",
    ),
    (
        "feed_leg",
        "remove it: feed_leg A, B, C are the phases of one feed, not feeds; write phase at the feed",
    ),
    (
        "maximum_draw",
        "write power = [{ feed = \"A\", allocated_w = ..., maximum_w = ... }], one entry a supply: \
         maximum_w is the most that this one supply draws, as NetBox's maximum_draw of its power \
         port; supplies on one feed are summed",
    ),
    (
        "allocated_draw",
        "write power = [{ feed = \"A\", allocated_w = ..., maximum_w = ... }]",
    ),
    (
        "power-ports",
        "write power = [{ feed = \"A\", allocated_w = ..., maximum_w = ... }], one entry a supply",
    ),
    (
        "power_ports",
        "write power = [{ feed = \"A\", allocated_w = ..., maximum_w = ... }], one entry a supply",
    ),
    (
        "subdevice_role",
        "write the enclosure as a device and each child as [[rack.NAME.device.bay]] below it",
    ),
    (
        "parent_device",
        "write each child as [[rack.NAME.device.bay]] below its enclosure",
    ),
    (
        "device_type",
        "write model, as the firmware says the product's name",
    ),
    (
        "atoms",
        "write face and full_depth: an interior atom is full_depth = true",
    ),
];
