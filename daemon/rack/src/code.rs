//! Every code this crate can emit: what it means and how to mend it.
//!
//! The enum is what the code uses, the table is what people read; both come from one list. A code
//! is never given a second meaning and never used again once it is gone.

use std::fmt;

use cofferdam_hwprofile::CodeEntry;

macro_rules! codes {
    ($($variant:ident = $code:literal, $title:literal, $meaning:literal, $mend:literal;)+) => {
        /// Every reason for which this crate refuses.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $(#[doc = $title] $variant,)+
        }

        impl Code {
            /// Every code, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The stable text.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $code),+ }
            }
        }

        /// Every code that this crate can emit, sorted.
        pub static CODES: &[CodeEntry] = &[
            $(CodeEntry { code: $code, title: $title, meaning: $meaning, mend: $mend }),+
        ];
    };
}

codes! {
    UnknownZone = "FL-001", "a flow names a zone that does not exist",
        "A flow leads from or to a zone that neither hwprofile.toml nor a client declares, so \
         it could never be used.",
        "Correct the name as suggested, or declare the zone.";
    UnknownVerb = "FL-002", "a verb that does not exist",
        "The verbs are a closed list; a verb that nobody checks would be a right that nobody \
         gives.",
        "Write one of the verbs that the message lists.";
    BadGlob = "FL-003", "a bucket pattern that is not one",
        "A pattern has one segment of a-z, 0-9, dots and hyphens, and * for any run of those.",
        "Write the pattern as the message suggests.";
    BucketsMissing = "FL-004", "a flow does not say which buckets",
        "A right over records must name its buckets; nothing means nothing here, never everything.",
        "Add buckets = [\"...\"]; write \"*\" only where every bucket is meant.";
    BucketsUseless = "FL-005", "buckets beside verbs that know no buckets",
        "append, read, list, delete and share are rights over buckets, the other verbs are not; \
         one flow holds one sort.",
        "Split the flow in two, or remove the buckets.";
    VerbNotServed = "FL-006", "a verb that the zone never answers",
        "The program of the destination does not know this verb, so the flow could never be used.",
        "Remove the verb, or name the zone that answers it.";
    Shadowed = "FL-007", "a flow that can never decide",
        "Everything this flow allows is allowed by an earlier one, so it misleads its reader.",
        "Remove one of the two flows.";
    ClientIsZone = "FL-008", "a client in a zone of the rack",
        "A client has no hardware in the rack, so it must not carry the name of a zone whose \
         hardware is judged.",
        "Give the client's zone a name of its own.";
    KeyPinRepeated = "FL-009", "a key pin that is not one, or is pinned twice",
        "A public key names one party. The pin is sha256: and the base64 of the digest of the key.",
        "Pin each party's own key; cofferctl prints the pin.";
    ClientUnused = "FL-010", "a client that may do nothing",
        "No flow starts at the client's zone, so the client could not even ask for a lease.",
        "Add a flow from its zone, or remove the client.";
    LimitContradicted = "FL-011", "two limits for one pair of zones",
        "max-connections counts all connections between two zones, so two flows must not state \
         different numbers.",
        "State it in one flow, or the same number in each.";
    ClientAsked = "FL-012", "a flow towards a client",
        "A client listens to nobody, so the flow could never be used.",
        "Turn the flow round, or name a zone of the rack.";
    VerbsEmpty = "FL-013", "a flow without verbs, or with one twice",
        "A flow that allows nothing, or says a thing twice, is a mistake in the making.",
        "List each verb once.";
    NoFlow = "FL-101", "no flow connects the two zones",
        "Default deny: the manifest has no flow from the one zone to the other.",
        "If it is wanted, the operators add a flow with a why, and sign.";
    VerbNotGranted = "FL-102", "the verb is not granted",
        "The zones are connected, but no flow between them has this verb.",
        "If it is wanted, the operators add the verb to a flow, and sign.";
    BucketNotGranted = "FL-103", "the bucket is not granted",
        "The verb is granted, but for other buckets.",
        "Check the bucket's name; if it is wanted, the operators add it to the flow, and sign.";
    BucketUnnamed = "FL-104", "no bucket was named",
        "The verb is a right over buckets, and the request names none, so nothing can be granted.",
        "Name the bucket in the request.";
    ZoneUnknown = "FL-105", "a zone that the manifest does not know",
        "A party that the manifest does not name may do nothing.",
        "Check that both sides run the same manifest.";
    SpiffeLength = "ID-001", "an identity that is too long",
        "An identity has at most 2048 bytes.",
        "Issue a certificate with the identity of a node of this rack.";
    SpiffeScheme = "ID-002", "an identity that is not a SPIFFE ID",
        "An identity begins with spiffe:// in lower case.",
        "Issue a certificate with the identity of a node of this rack.";
    SpiffeDomain = "ID-003", "an identity with a trust domain of another form",
        "A trust domain is a zone, a dot, and the rack's domain, in lower case, without port or \
         user.",
        "Issue a certificate with the identity of a node of this rack.";
    SpiffePath = "ID-004", "an identity with a path of another form",
        "The path is exactly /node/ and the name of a node.",
        "Issue a certificate with the identity of a node of this rack.";
    SpiffeDecorated = "ID-005", "an identity with a query, a fragment or an escape",
        "An identity is compared byte by byte, so it has no query, no fragment and no percent \
         sign.",
        "Issue a certificate with the identity of a node of this rack.";
    SpiffeForeign = "ID-006", "an identity of another rack",
        "The identity is well formed, but its trust domain is not below this rack's domain.",
        "Present a certificate of this rack.";
    BadDomain = "ID-007", "a rack domain that is not one",
        "A rack's domain is a host name in lower case: labels of a-z, 0-9 and hyphens, joined \
         by dots, 221 bytes at most.",
        "Choose such a name, for instance rack1.example.org.";
    NotToml = "RK-001", "a file is not TOML",
        "A line of the file cannot be read as TOML, so nothing in the file counts.",
        "Mend the line that the message names; a TOML value needs quotes around text.";
    UnknownKey = "RK-002", "a key that the file does not have",
        "The schema is closed: a key that nobody reads would be a rule that nobody keeps.",
        "Correct the spelling as suggested, or remove the key.";
    MissingKey = "RK-003", "a key is missing",
        "The file leaves open what it must say.",
        "Add the key in the table that the message names.";
    WrongType = "RK-004", "a value of the wrong type",
        "The key is known, its value is not of the type it needs.",
        "Write the value as the message says.";
    NotAllowed = "RK-005", "a value that is not allowed",
        "The value has the right type and lies outside what the key allows.",
        "Write a value that the message allows.";
    UnknownVersion = "RK-006", "a version that this program does not know",
        "The file is written for another version of its schema.",
        "Write version = 1, or use the program that the file was written for.";
    Unreadable = "RK-007", "a manifest file cannot be read",
        "One of the three files is missing or cannot be read, so there is no manifest.",
        "Put the file there and let the daemon's user read it.";
    TooLarge = "RK-008", "a manifest file is too large or not text",
        "A manifest file is UTF-8 text of at most one mebibyte.",
        "Check that it is the right file.";
    UnknownFeed = "RK-009", "a power feed that the rack does not have",
        "A device draws from a feed that its rack does not declare.",
        "Correct the name as suggested, or declare the feed.";
    TooMany = "RK-010", "more racks, devices, bays, feeds or supplies than are read",
        "Each is held against each other, so a plan has at most 64 racks, a rack 256 devices and \
         16 feeds, a device 64 bays and 16 supplies.",
        "Give what is beyond it a rack, an enclosure or a plan of its own.";
    UnitOutOfRange = "RK-041", "K1: a device outside its rack",
        "A device stands on a unit that its rack does not have.",
        "Correct position or u_height.";
    Overlap = "RK-042", "K2: two devices in one place",
        "Two devices claim the same unit on the same face, or through the same depth.",
        "Move one of the two.";
    ZeroHeightPlaced = "RK-043", "K3: a device without height has a position",
        "A 0 U device hangs beside the units and stands on none.",
        "Remove its position, or give its height.";
    BayMisplaced = "RK-044", "K4: a bay, device or node given twice, or a bay without its \
        enclosure",
        "Each device, bay and node stands in one place, and a bay in an enclosure that is \
         itself no node.",
        "Name each once, and put nodes of an enclosure into its bays.";
    ZonesTogether = "RK-045", "K5: two zones in one enclosure that must be separate",
        "An enclosure shares its backplane, power and management, and a rule keeps these zones \
         apart.",
        "Move one of the two nodes to an enclosure of its own.";
    PlaceMismatch = "RK-046", "K6: policy and elevation disagree",
        "Every node of the policy has one place, and every place of a zone holds a node of the \
         policy.",
        "Make hwprofile.toml and elevation.toml say the same.";
    FeedOverload = "RK-047", "K7: a power feed is overloaded",
        "With all feeds, or with one of them lost, a feed would carry more than its share of \
         its capacity.",
        "Move devices to another feed, or use a larger one.";
    SingleFeed = "RK-048", "K8: identifying data on a single feed",
        "A device that holds identifying data must not fall with one feed.",
        "Connect it to a second feed.";
    Overweight = "RK-049", "K9: a rack is too heavy",
        "The devices weigh more than the rack may carry.",
        "Move devices to another rack.";
    AirflowMixed = "RK-050", "K10: air against the rack's stream",
        "A device blows against the rack's stream, or where the rack has none against another \
         device, so it breathes warm air.",
        "Turn the device, or order it for the rack's direction.";
    RackShared = "RK-051", "K11: two zones in one rack that must be separate",
        "A separation rule at the domain rack keeps these zones in racks of their own.",
        "Move one of the two nodes to another rack.";
    ReportDiffers = "RK-052", "K12: plan and report disagree",
        "The machine's own firmware says another height, place, model or number of supplies than \
         the plan. Firmware is often silent or stale, so this only warns.",
        "Look at the rack: correct elevation.toml, or what the firmware says.";
    HeavyAbove = "RK-053", "K9: a heavy device high up",
        "A device of 25 kg or more begins above unit 20, where it makes the rack topple and \
         nobody lifts it alone.",
        "Move it further down.";
    NodeOneFeed = "RK-054", "K8: a node on a single feed",
        "The node falls with one feed, or the plan does not say what it draws and from where. \
         Where data identify people this is a fault: RK-048.",
        "Connect it to a second feed, and write what it draws.";
    WeightUnknown = "RK-055", "K9: a device without a weight",
        "The rack has a limit and a device in it says no weight, so the sum is a lower bound.",
        "Add weight_kg; device libraries often leave it out.";
    HalfEnclosure = "RK-056", "K2: an enclosure that claims half the depth",
        "Device libraries call known enclosures half-deep; another device planned behind one \
         would not fit.",
        "Measure it, and write full_depth = true unless there is room behind it.";
    ReportMissing = "RK-057", "K12: a node whose report says nothing",
        "There is no report of this node, or it says nothing that can be compared, so the plan \
         rests on its word alone.",
        "Run cofferctl hw facts --json on the node and put its output into the directory as \
         NODE.json.";
    IdleSupply = "RK-058", "K7: a supply that draws nothing",
        "A supply with maximum_w = 0 makes its feed look free in every case.",
        "Write what the supply may draw at most.";
    ReportUnreadable = "RK-059", "K12: a report that cannot be read",
        "The file is no inventory or evidence that this program knows, or it is named after no \
         node of the policy.",
        "Write the reports again with the program of this release; NODE.json is the file's name.";
    DrawUnknown = "RK-060", "K7: a device without power",
        "The rack has feeds and a device in it says nothing of its power, so it counts as if it \
         drew nothing.",
        "Add power; write power = [] for a device that draws nothing.";
    AirflowUnknown = "RK-061", "K10: a device without a direction of its air",
        "The plan says which way the air goes, and a device that draws power does not say which \
         way it blows, so nothing was compared.",
        "Add airflow; write airflow = \"passive\" for a device without fans.";
    FindingsCut = "RK-062", "more findings than are told",
        "256 faults and 256 warnings are told one by one; those beyond are only counted, and count \
         in full.",
        "Mend those that are told, and check again.";
    ExposedReads = "RK-101", "the constitution: an exposed zone reaches into identifying data",
        "A zone of kind intake, or of public exposure, may write to a zone with identifying \
         data, never read from it.",
        "Remove the verb. No manifest can allow it.";
    IntakeReads = "RK-102", "the constitution: intake is write-only",
        "A zone of kind intake appends, takes new keys and leases. It can never read, search, \
         or open a key.",
        "Remove the verb. No manifest can allow it.";
    ClientKeys = "RK-103", "the constitution: data keys for a party without hardware",
        "Data keys go only to nodes whose hardware is judged; a client has none in the rack.",
        "Remove the verb. No manifest can allow it.";
    KeeperReads = "RK-104", "the constitution: the keeper holds no data",
        "Who can unwrap every data key must not be able to fetch what they seal.",
        "Remove the verb. No manifest can allow it.";
    NoteMissing = "RK-201", "the manifest is not signed",
        "There is no signed note beside the three files, so nobody vouches for them.",
        "Have the operators sign: cofferctl rack sign.";
    NoteMalformed = "RK-202", "the signed note is not well formed",
        "The file called manifest is not the signed note of a manifest.",
        "Have the operators sign again: cofferctl rack sign.";
    FileChanged = "RK-203", "a file is not the one that was signed",
        "The file differs from the one that the operators signed.",
        "Put the signed file back, or have the operators sign a new epoch.";
    SignaturesMissing = "RK-204", "signatures are missing",
        "Fewer operators have signed than the rack asks for.",
        "Have the operators that the message names sign: cofferctl rack sign.";
    OperatorUnknown = "RK-205", "signed by an unknown operator",
        "The note carries a signature by a key that is no operator's here, and too few by keys \
         that are.",
        "Have an operator of this rack sign, or give the node the new operator's key.";
    SignatureFalse = "RK-206", "a signature does not hold",
        "The note names an operator's key, and the signature is not by that key over this text.",
        "Treat it as tampering; then have the operators sign again.";
    EpochLower = "RK-207", "an older manifest",
        "The epoch only rises: a manifest of a lower epoch than the last one is a rollback.",
        "Install the newest manifest, or have the operators sign this one with a higher epoch.";
    EpochReused = "RK-208", "two manifests of one epoch",
        "Another manifest with the same epoch was in force before, so the number names two \
         intentions.",
        "Have the operators sign with the next epoch.";
    OperatorsUnfit = "RK-209", "the operators cannot decide",
        "The threshold is nought, or above the number of operators, or one key is given twice.",
        "List each operator's key once and ask for at least one and at most all of them.";
    NoteUnwritten = "RK-210", "the signed note could not be written",
        "The signature was made and could not be stored, so the former note stands.",
        "Let the signing user write in the rack's directory.";
    WireMalformed = "RK-301", "a message that is not well formed",
        "A message between a node and the keeper lacks a part, has one too many, or one of \
         another type.",
        "Run the same version on both sides.";
    WireVersion = "RK-302", "a message of another version",
        "The message says that it is of a version that this program does not know.",
        "Run the same version on both sides.";
    WireBound = "RK-303", "a message beyond its bounds",
        "A part of the message is larger than any honest one.",
        "Look at who sends it; nothing of it was used.";
    SequenceLower = "RK-304", "an older standing",
        "The list of revocations only grows newer; one with a lower number or epoch is refused.",
        "Look at the keeper: it may have been restored from a copy.";
    ServiceUnknown = "RK-401", "a service that nobody described",
        "services.toml has no service of that name.",
        "Correct the name as suggested, or describe the service.";
    AdviceUndecided = "RK-410", "nobody can tell whether to combine",
        "An input of a criterion is not written, and a missing input never combines.",
        "Write what the message names in services.toml, and ask again.";
    AdviceSecurity = "RK-411", "A1: combining would be a security risk",
        "A separation rule parts the two at host, or the public would run with what identifies \
         people, or no node can meet both platforms. This is final.",
        "Keep them apart. No other criterion can outweigh this one.";
    AdviceShared = "RK-412", "A2: they share no more than a database",
        "A common database alone is no reason to combine: both reach it over the network as well.",
        "Keep them apart, unless they come to share more.";
    AdviceResources = "RK-413", "A3: their resources do not fit one node",
        "Their peaks together would use up the node, or they use the same thing at unlike levels.",
        "Move one in time, or give it a node of its own.";
    AdviceScaling = "RK-414", "A4: one of them must scale on its own",
        "What is combined grows together, so the other would be multiplied with it.",
        "Keep them apart while one must grow alone.";
    AdviceMaintenance = "RK-415", "A5: they are not maintained together",
        "Two owners, trains or windows would take each other down, and nothing shared is saved.",
        "Put both on one train with one owner, or keep them apart.";
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Code {
    /// The entry for people.
    ///
    /// # Panics
    /// Never: the enum and the table come from one list.
    #[must_use]
    pub fn entry(self) -> &'static CodeEntry {
        CODES
            .iter()
            .find(|entry| entry.code == self.as_str())
            .expect("the enum and the table come from one list")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_enum_and_the_table_agree() {
        assert_eq!(Code::ALL.len(), CODES.len());
        for (code, entry) in Code::ALL.iter().zip(CODES) {
            assert_eq!(code.as_str(), entry.code);
            assert_eq!(code.entry(), entry);
        }
    }

    #[test]
    fn the_table_is_sorted_and_no_code_stands_twice() {
        assert!(CODES.windows(2).all(|pair| pair[0].code < pair[1].code));
    }

    #[test]
    fn every_entry_says_what_it_means_and_how_to_mend_it() {
        for entry in CODES {
            let families = ["FL-", "ID-", "RK-"];
            assert!(
                families.iter().any(|family| entry.code.starts_with(family)),
                "{entry:?}"
            );
            assert_eq!(entry.code.len(), 6, "{entry:?}");
            assert!(
                entry.meaning.ends_with('.') && entry.mend.ends_with('.'),
                "{entry:?}"
            );
            assert!(
                !entry.title.is_empty() && !entry.title.ends_with('.'),
                "{entry:?}"
            );
        }
    }
}
