//! The doors through which the fuzzer reaches the readers of texts. Built for it alone, and nothing
//! of the product may call them.

use crate::identifier::Identifier;
use crate::inventory::{
    HardwareAddress, block, boot, container, dmi, gpu, memory, network, numa, pci, processor, tpm,
};
use crate::uuid::Uuid;

/// Gives one text to every reader of a text that the kernel or the firmware writes.
pub fn texts(text: &str) {
    let _processor = (
        processor::count(text),
        processor::model(text),
        processor::hypervisor_flag(text),
    );
    let _memory = (memory::total(text), numa::number(text));
    let _tpm = tpm::version(text);
    let _drive = (block::size(text), block::medium_of_text(text));
    let _boot = (boot::chosen(text), boot::flag(text.as_bytes()).state());
    let _container = container::inode("pid", text);
    let _pci = (pci::number(text), gpu::line(text, "GPU UUID"));
    let _block = (block::wwid(text), block::of_path(text));
    let names: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
    let _paths = block::hidden_paths("nvme0n1", &names);
    let _names = (Identifier::read(text), Uuid::read(text));
    let _description = dmi::described(text);
    let _bus = network::Bus::of_name(text);
    let _bond = network::member_address(text, "eno1");
    if let Some(address) = HardwareAddress::read(text).value() {
        let again = HardwareAddress::read(&address.text());
        assert_eq!(again.value(), Some(address), "an address reads back");
    }
    if let Some(uuid) = Uuid::read(text).value() {
        let other = Uuid::read(&uuid.swapped().text());
        let other = other.value().map(|other| other.canonical());
        assert_eq!(other, Some(uuid.canonical()), "both byte orders are one");
    }
}

/// Gives the bytes of a firmware table and its entry point to the reader of records.
pub fn firmware(entry: &[u8], table: Vec<u8>) {
    dmi::of_bytes(entry, table);
}
