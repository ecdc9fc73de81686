//! The catalogue of everything that is recorded: one word, one OCSF type, one severity and one
//! message identifier an event. The identifiers are for ever: a removed event keeps its own.

use std::fmt;
use std::str::FromStr;

/// How much an event should disturb somebody, in OCSF's words and numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Part of a normal day.
    Informational,
    /// Worth a look when looking anyway.
    Low,
    /// Worth a look.
    Medium,
    /// Somebody should act.
    High,
    /// Somebody must act now.
    Critical,
}

impl Severity {
    /// OCSF's `severity_id`.
    #[must_use]
    pub fn ocsf_id(self) -> u8 {
        match self {
            Self::Informational => 1,
            Self::Low => 2,
            Self::Medium => 3,
            Self::High => 4,
            Self::Critical => 5,
        }
    }
}

/// The OCSF type of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ocsf {
    /// The class, such as 6005 for "Datastore Activity".
    pub class_uid: u32,
    /// What was done within the class; 99 is "Other".
    pub activity_id: u8,
}

impl Ocsf {
    /// The category the class belongs to.
    #[must_use]
    pub fn category_uid(self) -> u32 {
        self.class_uid / 1000
    }

    /// Class and activity in one number.
    #[must_use]
    pub fn type_uid(self) -> u32 {
        self.class_uid * 100 + u32::from(self.activity_id)
    }
}

/// What the catalogue says about one event.
struct Facts {
    name: &'static str,
    ocsf: Ocsf,
    severity: Severity,
    message_id: u128,
    meaning: &'static str,
}

macro_rules! catalogue {
    ($($variant:ident = $name:literal, $class:literal, $activity:literal, $severity:ident,
       $id:literal, $meaning:literal;)*) => {
        /// Everything that a zone records.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Event {
            $(#[doc = $meaning] $variant,)*
        }

        impl Event {
            /// Every event, in the order of the catalogue.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            fn facts(self) -> &'static Facts {
                match self {
                    $(Self::$variant => &Facts {
                        name: $name,
                        ocsf: Ocsf { class_uid: $class, activity_id: $activity },
                        severity: Severity::$severity,
                        message_id: $id,
                        meaning: $meaning,
                    },)*
                }
            }
        }
    };
}

catalogue! {
    NodeStart = "node.start", 6002, 3, Informational, 0xbec2_d248_ffa3_49f7_a35d_9611_3b29_ea91,
        "A program started, its hardware satisfies its profile and its trail is writable.";
    NodeStop = "node.stop", 6002, 4, Informational, 0xb43b_0b57_ec49_4316_9e22_a747_dfac_b124,
        "A program ended in order; a start without a stop before it is a crash.";
    PolicyLoad = "policy.load", 6002, 8, Informational, 0xd3a7_0705_65cc_4c96_af2b_bf5f_f06c_ebfe,
        "A manifest of the rack was read and is in force.";
    PolicyRefuse = "policy.refuse", 6002, 8, High, 0x2d00_9a33_24d8_4c42_9a5d_bc0e_b088_78d9,
        "A manifest of the rack was refused; the one before stays in force.";
    HardwareChange = "hardware.change", 6002, 99, Medium, 0x0ca9_7123_bb06_4d75_8528_0a05_6bc1_40ba,
        "A device appeared, went missing or came back while the zone served, and the rules still hold.";
    HardwareRefuse = "hardware.refuse", 6002, 99, High, 0xd256_ccea_500d_42e5_97f8_0219_766d_0d41,
        "A node found itself on hardware that it must not serve on, and does not.";
    LeaseGrant = "lease.grant", 3002, 3, Informational, 0x866c_5c07_86e7_4f93_869a_68a6_1680_2191,
        "A node showed evidence that satisfies the manifest and received a certificate.";
    LeaseRefuse = "lease.refuse", 3002, 3, High, 0x7b57_2a8a_1342_400a_b4f4_4c00_fdbc_18a2,
        "A node asked for a certificate and its evidence does not satisfy the manifest.";
    LeaseEnd = "lease.end", 3002, 2, Low, 0x04d9_ffa9_47f9_4068_a2bf_7264_c988_0a79,
        "A certificate ended or was withdrawn before its time.";
    FlowIngress = "flow.ingress", 4001, 1, Informational, 0xe995_d87a_defb_4876_8ad3_9ea6_c12c_e646,
        "A peer was admitted; the same flow has an egress leaf in the peer's zone.";
    FlowEgress = "flow.egress", 4001, 1, Informational, 0xf60a_eed9_c769_44fc_baaa_35d4_1d3c_b939,
        "A peer was called; the same flow has an ingress leaf in the peer's zone.";
    FlowEnd = "flow.end", 4001, 2, Informational, 0x1d01_52bb_7985_407a_936c_96ce_a67f_e49c,
        "A connection between two zones ended, and why.";
    FlowRefuse = "flow.refuse", 4001, 5, Medium, 0x9848_2a5e_2e0d_4dd0_88b0_d4ac_f283_7cb2,
        "A peer or a request was turned away, and by which rule.";
    KeyCreate = "key.create", 6005, 9, Informational, 0x5afa_f7a2_d613_4740_b0d1_f24d_d249_172a,
        "A data key was made and handed out.";
    KeyOpen = "key.open", 6005, 10, Informational, 0xa7b7_f7c9_0450_4b0a_bbc4_b25c_996e_42e3,
        "A wrapped data key was opened for a zone.";
    KeyRefuse = "key.refuse", 6005, 10, High, 0x3090_53d4_9452_436f_a88c_3ce1_698b_ec93,
        "A data key was asked for and not released.";
    KeyDestroy = "key.destroy", 6005, 7, Medium, 0xb8f7_dd66_c2df_4cea_a61e_b68b_c249_511e,
        "A data key was destroyed; what it sealed can never be read again.";
    RecordCreate = "record.create", 6005, 6, Informational, 0x8fd6_cdc2_d71a_41cc_8c2b_5247_4a0b_5335,
        "An object was stored.";
    RecordRead = "record.read", 6005, 1, Informational, 0xea96_b616_1a64_4431_8038_3a46_1093_37c0,
        "An object was read.";
    RecordList = "record.list", 6005, 8, Informational, 0x2b9e_8437_bb07_43d9_bc2e_268f_5d4c_c70f,
        "The names of objects were listed.";
    RecordDelete = "record.delete", 6005, 7, Medium, 0x1dfe_fd8a_93b4_49e3_afb7_9a17_291f_e760,
        "An object was deleted.";
    RecordShare = "record.share", 6003, 1, Medium, 0xc53e_ab7e_fd2d_4ab7_a047_2a2d_7e6c_9b30,
        "An object was made reachable for another party.";
    RecordQuery = "record.query", 6005, 4, Informational, 0xde5d_5b21_80a7_476f_98b1_16e0_55b8_5c99,
        "A query ran over stored records.";
    RecordRefuse = "record.refuse", 6005, 99, Medium, 0xfe59_30b0_32b9_49da_9260_b354_a57f_d685,
        "An access to an object was turned away, and by which rule.";
    BatchSeal = "batch.seal", 6005, 9, Informational, 0x9106_231f_96f9_49a1_b4e6_afbf_9be6_813c,
        "A batch of received records was closed and its key wiped.";
    BatchForward = "batch.forward", 4001, 6, Informational, 0x4e12_f6e7_870c_41f1_91fe_3f31_fd19_d403,
        "A sealed batch was handed to the zone that keeps it.";
    BatchReceive = "batch.receive", 6005, 5, Informational, 0x0b03_68aa_5c82_4ed2_a2dc_6016_1fde_53f6,
        "A sealed batch arrived, was verified and stored.";
    SpoolTorn = "spool.torn", 1008, 99, Medium, 0x2d05_568c_7b66_4074_a9bb_b225_b43a_db0f,
        "A torn end of a queue was cut; only what was never acknowledged is gone.";
    IntegrityOk = "integrity.ok", 1008, 99, Informational, 0xa3dd_46cc_2ea1_4846_b55e_9a88_ee75_327c,
        "A check of stored data or of this log found nothing wrong.";
    IntegrityFail = "integrity.fail", 1008, 99, Critical, 0x0860_5ea6_fb4a_4951_b749_5c4d_6352_4546,
        "Stored data or a log is not as it was written.";
    DegradedEnter = "degraded.enter", 6002, 7, Critical, 0xa5bf_5cff_7c6c_4917_9808_c166_3064_620e,
        "A zone cannot keep a promise and refuses the acts that need it.";
    DegradedLeave = "degraded.leave", 6002, 6, Informational, 0xb889_3c14_a92a_478b_9278_5274_fe10_6dff,
        "A zone keeps all its promises again.";
    OperatorAct = "operator.act", 6003, 99, Medium, 0xc1e8_6ecd_aabc_4d24_8760_56d1_099a_92a3,
        "An operator did something that needs the right of an operator.";
    ReportRun = "report.run", 1008, 3, Low, 0xe081_a055_f85b_4c8c_b07f_2aaa_e2d0_e6cf,
        "A report over this log was made.";
    Heartbeat = "heartbeat", 1008, 99, Informational, 0x799e_695b_277d_4f9f_abb9_a72e_24e1_4bb4,
        "Nothing happened; a silence longer than the rhythm is a gap.";
}

impl Event {
    /// The word in the leaf, such as `lease.grant`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.facts().name
    }

    /// The OCSF type.
    #[must_use]
    pub fn ocsf(self) -> Ocsf {
        self.facts().ocsf
    }

    /// How much it should disturb somebody.
    #[must_use]
    pub fn severity(self) -> Severity {
        self.facts().severity
    }

    /// The 128-bit identifier of the journal catalogue; never changes.
    #[must_use]
    pub fn message_id(self) -> u128 {
        self.facts().message_id
    }

    /// The identifier in the journal's spelling: 32 lower-case hexadecimal digits.
    #[must_use]
    pub fn message_id_text(self) -> String {
        format!("{:032x}", self.message_id())
    }

    /// One sentence for the manual and the catalogue.
    #[must_use]
    pub fn meaning(self) -> &'static str {
        self.facts().meaning
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The word is not in the catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no event of the catalogue has this name")]
pub struct UnknownEvent;

impl FromStr for Event {
    type Err = UnknownEvent;

    fn from_str(text: &str) -> Result<Self, UnknownEvent> {
        Self::ALL
            .iter()
            .copied()
            .find(|event| event.as_str() == text)
            .ok_or(UnknownEvent)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{Event, UnknownEvent};

    #[test]
    fn names_and_message_identifiers_are_unique() {
        let names: BTreeSet<_> = Event::ALL.iter().map(|event| event.as_str()).collect();
        let ids: BTreeSet<_> = Event::ALL.iter().map(|event| event.message_id()).collect();
        assert_eq!(names.len(), Event::ALL.len());
        assert_eq!(ids.len(), Event::ALL.len());
    }

    #[test]
    fn every_name_is_read_back_and_a_stranger_is_not() {
        for event in Event::ALL {
            assert_eq!(event.as_str().parse(), Ok(*event));
        }
        assert_eq!("lease.maybe".parse::<Event>(), Err(UnknownEvent));
        assert_eq!("".parse::<Event>(), Err(UnknownEvent));
    }

    #[test]
    fn names_are_plain_enough_to_stand_in_a_leaf_unescaped() {
        for event in Event::ALL {
            let plain = |byte: u8| byte.is_ascii_lowercase() || byte == b'.';
            assert!(event.as_str().bytes().all(plain), "{event}");
            assert_eq!(event.message_id_text().len(), 32);
            assert!(event.meaning().ends_with('.'));
        }
    }

    #[test]
    fn type_and_category_follow_from_the_class() {
        let ocsf = Event::RecordRead.ocsf();
        assert_eq!(
            (ocsf.category_uid(), ocsf.class_uid, ocsf.type_uid()),
            (6, 6005, 600_501)
        );
        for event in Event::ALL {
            assert!(
                [1, 3, 4, 6].contains(&event.ocsf().category_uid()),
                "{event}"
            );
        }
    }

    #[test]
    fn identifiers_that_left_this_house_never_change() {
        assert_eq!(
            Event::LeaseGrant.message_id_text(),
            "866c5c0786e74f93869a68a616802191"
        );
        assert_eq!(
            Event::Heartbeat.message_id_text(),
            "799e695b277d4f9fabb9a72e24e14bb4"
        );
    }
}
