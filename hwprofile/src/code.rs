//! Every code this crate can emit: what it means and how to mend it.
//!
//! The enum is what the code uses, the table is what people read; a test keeps the two equal. A
//! code is never given a second meaning and never used again once it is gone.

use std::fmt;

use ring::digest;

/// One code, for `explain`, the manual and the journal's catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CodeEntry {
    /// The stable code, such as `HW-211`.
    pub code: &'static str,
    /// A few words for a heading.
    pub title: &'static str,
    /// What it means when this code appears.
    pub meaning: &'static str,
    /// What to do about it.
    pub mend: &'static str,
}

impl CodeEntry {
    /// The journal's `MESSAGE_ID` of every message that carries this code: 32 hexadecimal digits,
    /// made from the code alone, so that no table of them can go wrong.
    #[must_use]
    pub fn message_id(&self) -> String {
        message_id(self.code)
    }

    /// The value of the label `code` in the metrics: the code in small letters.
    #[must_use]
    pub fn metric_label(&self) -> String {
        self.code.to_ascii_lowercase().replace('-', "_")
    }
}

/// The journal's identifier of a code.
#[must_use]
pub fn message_id(code: &str) -> String {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(b"cofferdam-code-v1\0");
    context.update(code.as_bytes());
    let digest = context.finish();
    crate::wire::hex(digest.as_ref().get(..16).unwrap_or_default())
}

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

            /// What people read about it.
            #[must_use]
            pub const fn entry(self) -> CodeEntry {
                match self {
                    $(Self::$variant => CodeEntry {
                        code: $code,
                        title: $title,
                        meaning: $meaning,
                        mend: $mend,
                    }),+
                }
            }
        }

        /// Every code that this crate can emit, sorted.
        pub static CODES: &[CodeEntry] = &[
            $(CodeEntry { code: $code, title: $title, meaning: $meaning, mend: $mend }),+
        ];
    };
}

codes! {
    NotToml = "HW-001", "the policy file is not TOML",
        "A line of the file cannot be read as TOML, so nothing in the file counts.",
        "Mend the line that the message names; a TOML value needs quotes around text.";
    UnknownKey = "HW-002", "a key that the policy does not know",
        "The schema is closed: a key that nobody reads would be a rule that nobody keeps.",
        "Correct the spelling as suggested, or remove the key.";
    MissingKey = "HW-003", "a key is missing",
        "The policy leaves open what it must say.",
        "Add the key in the table that the message names.";
    WrongType = "HW-004", "a value of the wrong type",
        "The key is known, its value is not of the type it needs.",
        "Write the value as the message says.";
    NotAllowed = "HW-005", "a value that is not allowed",
        "The value is of the right type and outside what the key admits.",
        "Choose one of the values that the message lists.";
    BadName = "HW-006", "a name that is not well formed",
        "Names of zones and nodes become labels of certificates and host names.",
        "Use a letter a-z first, then letters a-z, digits and hyphens, 31 at most.";
    UnknownZone = "HW-007", "a zone that the policy does not define",
        "A rule or a node names a zone without a [zone.NAME] table.",
        "Correct the spelling as suggested, or define the zone.";
    UnknownPlatform = "HW-008", "a platform that the policy does not define",
        "A zone or a platform refers to a [platform.NAME] table that is not there, or platforms \
         inherit in a circle.",
        "Correct the spelling as suggested, or define the platform; a chain of inheritance must \
         end.";
    UnknownVersion = "HW-009", "a policy of another version",
        "The file declares a version of the schema that this program does not read.",
        "Write version = 1, or use the program that belongs to the file.";
    NeverFires = "HW-010", "a rule that can never fire",
        "The rule reads as if it protected something, and no pair or machine is ever judged by it.",
        "Remove the rule, or name the zones it was meant for.";
    Shadowed = "HW-011", "a rule that another rule makes useless",
        "Another rule forbids the same pair at the same or a wider domain, so this one never \
         decides anything.",
        "Remove one of the two; the wider one protects more.";
    Unused = "HW-012", "a definition that nothing uses",
        "A platform under no zone, or a zone on no node, is intent that never takes effect.",
        "Use it or remove it.";
    Quorum = "HW-013", "a quorum that is too low or out of reach",
        "A node is known by independent families of witnesses: two at least where data identify \
         people, and never more than are pinned.",
        "Pin values of more families (firmware, chassis, nic, disk, gpu), or set the quorum \
         within the range that the message gives.";
    UnusablePin = "HW-014", "a pin that cannot name a machine",
        "The pinned value is malformed, a placeholder of the firmware, or an address that \
         software may choose.",
        "Pin a value that the machine shows as a true one in `cofferctl hw facts`.";
    PinTwice = "HW-015", "one pin for two nodes",
        "Two nodes that are pinned to the same value could be one machine.",
        "Correct the node whose value was copied.";
    WarnOnIdentifying = "HW-016", "a mere warning where data identify people",
        "Where a zone holds identifying data, separation that is not proven must refuse.",
        "Remove on_unproven, or write \"refuse\".";
    PolicyTooLarge = "HW-017", "a policy file beyond the bound",
        "The file is larger than any honest policy, or holds more faults than can be listed.",
        "Split nothing: shorten the file, or mend the faults listed first.";
    Simulated = "HW-100", "simulated evidence in production",
        "The evidence is of grade E0, read from a profile file, and the policy is not a lab's.",
        "Run on real hardware without a profile; only a policy with lab = true admits grade E0.";
    OtherSite = "HW-101", "evidence of another site",
        "Tokens are salted with the site, so evidence of another site can be compared with \
         nothing here.",
        "Load the same hwprofile.toml on every node.";
    Virtual = "HW-112", "the node is a virtual machine",
        "Behind a hypervisor nobody can say which hardware is shared with whom.",
        "Run the zone on a physical machine, or change the rule and its reason.";
    VirtualUnknown = "HW-113", "cannot tell whether the node is virtual",
        "The processor's own flag could not be read, and firmware strings do not count: they are \
         forged easily.",
        "Make /proc/cpuinfo readable; on a processor without such a flag this rule cannot be met.";
    Container = "HW-114", "the node is a container",
        "One of the namespaces is not the machine's first, so facts may be those of a container.",
        "Start the zone from the machine's own service manager, or set container = \"allow\".";
    ContainerUnknown = "HW-115", "cannot tell whether the node is a container",
        "The namespaces of the process could not be read.",
        "Mount /proc without hidepid for the service.";
    SecureBoot = "HW-120", "secure boot is not on",
        "The firmware starts any kernel, so what the kernel says is worth less.",
        "Turn secure boot on in the firmware and leave its setup mode; where the loader validates \
         nothing, `mokutil --enable-validation`.";
    SecureBootUnknown = "HW-121", "cannot tell whether secure boot is on",
        "The firmware variable could not be read; that is not the same as off.",
        "Mount efivarfs at /sys/firmware/efi/efivars.";
    Iommu = "HW-130", "devices are not held by an IOMMU",
        "A device that is not translated can read all memory of the machine.",
        "Turn VT-d or AMD-Vi on in the firmware and start without iommu=pt.";
    IommuUnknown = "HW-131", "cannot tell whether an IOMMU holds the devices",
        "The IOMMU groups or the PCI devices could not be read.",
        "Mount sysfs, and use a kernel that shows /sys/kernel/iommu_groups/*/type.";
    LockdownUnknown = "HW-140", "cannot tell whether the kernel is locked down",
        "The lockdown state could not be read.",
        "mount -t securityfs securityfs /sys/kernel/security";
    Lockdown = "HW-141", "the kernel is not locked down enough",
        "Root can change the running kernel, and with it every fact that it reports.",
        "Start the kernel with lockdown=integrity or lockdown=confidentiality, as the rule asks.";
    Tpm = "HW-150", "no TPM of the version asked for",
        "Without it, keys cannot be bound to this board.",
        "Turn the TPM on in the firmware, or fit one.";
    TpmUnknown = "HW-151", "cannot tell which TPM there is",
        "A TPM is there and its version could not be read.",
        "Use a kernel that shows /sys/class/tpm/tpm0/tpm_version_major.";
    Vulnerable = "HW-160", "the processor is vulnerable",
        "The kernel says that a weakness which the policy names is not mended on this machine.",
        "Update the microcode and the kernel; where SMT is named, turn it off.";
    VulnerableUnknown = "HW-161", "cannot tell whether the processor is vulnerable",
        "The kernel does not report the weakness that the policy names, or says that it does not \
         know.",
        "Update the kernel, or correct the name in the policy.";
    Removable = "HW-170", "removable storage is attached",
        "A medium that can be carried away is a way out for data; virtual media of a management \
         controller count too.",
        "Detach it, and disconnect virtual media in the management controller.";
    RemovableUnknown = "HW-171", "cannot tell whether removable storage is attached",
        "The block devices could not be listed or one of them could not be read.",
        "Mount sysfs for the service.";
    Appeared = "HW-172", "a device appeared while the zone served",
        "The machine has a drive, an adapter or a processor that it had not when the zone started, \
         and the platform forbids what is plugged in.",
        "Take it out, or start the zone again: what is there at the start is judged by every rule.";
    AppearedUnknown = "HW-173", "cannot tell whether a device appeared",
        "The devices of one kind cannot be listed now or could not be when the zone started, or \
         one of them no longer tells its name.",
        "Look at the kernel's log for the device that the message names.";
    Need = "HW-180", "the machine is too small for the zone",
        "The machine has less of something than the zone needs.",
        "Fit what is missing, or lower the need in the policy.";
    NeedUnknown = "HW-181", "cannot tell whether the machine is large enough",
        "What the zone needs could not be counted.",
        "Make the path that the message names readable.";
    SharedHost = "HW-210", "two zones on one host",
        "Both nodes run under one kernel: whatever takes the kernel takes both zones.",
        "Move one of the two zones to a machine of its own.";
    SharedChassis = "HW-211", "two zones in one chassis",
        "Both nodes share an enclosure, and with it a backplane, power and a management \
         controller.",
        "Move one of the two nodes to another enclosure; if a serial number was copied, correct \
         it in the firmware.";
    SharedBoard = "HW-212", "two zones on one board",
        "Both nodes show the same mainboard or hypervisor.",
        "Move one of the two zones to a machine of its own; if a serial number was copied, \
         correct it in the firmware.";
    SharedRack = "HW-213", "two zones in one rack",
        "The plan puts both nodes in one rack, and a rule asks for two.",
        "Move one of the two nodes, and say so in the plan.";
    SharedDisk = "HW-214", "two zones on one drive",
        "Both nodes see the same drive: what one writes, the other can read.",
        "Give each node drives of its own; check dual-port drives and storage networks.";
    SharedNic = "HW-215", "two zones on one network adapter",
        "Both nodes show the same permanent address of an adapter.",
        "Give each node an adapter of its own.";
    SharedGpu = "HW-216", "two zones on one graphics processor",
        "Both nodes show the same processor, whose memory may keep what the other left.",
        "Give each node a processor of its own.";
    Unproven = "HW-220", "separation is not proven",
        "Nothing shows that the two nodes share hardware, and too little shows that they do not.",
        "Make readable what the message says could not be read; set serial numbers in the \
         firmware, pin more families, or put both nodes in the plan with rack and position. A \
         virtual machine proves no board.";
    UnknownNode = "HW-300", "a node that the policy does not list",
        "A machine that the policy does not name does not start.",
        "Add a [node.NAME] table; `cofferctl hw pin` prints it.";
    WrongMachine = "HW-301", "not the machine that is pinned",
        "Too few families of witnesses show the values that the policy pins for this node.",
        "If a part was replaced, pin the new value; if the machine is another one, correct the \
         name.";
    PinUnread = "HW-302", "pinned values could not be read",
        "The machine may be the right one, and too little of it could be read to say so.",
        "Run with the capability to read serial numbers (CAP_DAC_READ_SEARCH), or pin families \
         that can be read.";
    BadEvidence = "HW-303", "evidence that cannot be read",
        "The evidence is malformed, of another version, or beyond its bounds.",
        "Use the same version of the programs on every node.";
    ReadStuck = "HW-304", "the hardware could not be read in time",
        "A look at the hardware did not end, as happens when a device is dying: nothing can be \
         said of it.",
        "Look at the kernel's log for a device that does not answer, and replace it.";
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
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
        }
    }

    #[test]
    fn codes_are_sorted_unique_and_of_one_family() {
        assert!(CODES.windows(2).all(|pair| pair[0].code < pair[1].code));
        for entry in CODES {
            let number = entry.code.strip_prefix("HW-").expect("the family");
            assert!(number.len() == 3 && number.bytes().all(|b| b.is_ascii_digit()));
        }
    }

    #[test]
    fn the_journal_and_the_metrics_name_a_code_for_ever_in_the_same_way() {
        let entry = Code::SharedChassis.entry();
        assert_eq!(entry.metric_label(), "hw_211");
        assert_eq!(entry.message_id(), "6d463685c764cde6f39de4e33e77b7f7");
    }

    #[test]
    fn every_code_says_what_it_means_and_how_to_mend_it() {
        for entry in CODES {
            assert!(
                !entry.title.is_empty() && !entry.title.ends_with('.'),
                "{}",
                entry.code
            );
            assert!(entry.meaning.ends_with('.'), "{}", entry.code);
            assert!(entry.mend.len() > 10, "{}", entry.code);
        }
    }
}
