//! The log of segments that left, on a disk that fails on demand.

use super::*;
use crate::medium::simulated::{EIO, Fault, SimulatedDisk, wide};
use std::path::Path;

fn place() -> Place {
    Place::new(Path::new("/spool"))
}

fn number(segment: u64) -> Number {
    Number { epoch: 3, segment }
}

fn tags(first: u8, count: u8) -> Vec<Tag> {
    (first..first + count).map(|byte| [byte; 16]).collect()
}

fn load(disk: &SimulatedDisk, window: usize) -> (SeenLog, Vec<Block>, Option<Torn>) {
    SeenLog::load(disk, &place(), window).expect("the log loads")
}

#[test]
fn what_was_recorded_is_read_back_in_order_after_a_power_cut() {
    let disk = SimulatedDisk::default();
    let (mut log, blocks, torn) = load(&disk, 100);
    assert!(blocks.is_empty() && torn.is_none());
    log.record(&disk, Left::Delivered, number(1), &tags(0, 3))
        .unwrap();
    log.record(&disk, Left::Dead, number(2), &[]).unwrap();
    disk.power_cut(0);
    let (_, blocks, torn) = load(&disk, 100);
    let first = Block {
        how: Left::Delivered,
        number: number(1),
        tags: tags(0, 3),
    };
    let second = Block {
        how: Left::Dead,
        number: number(2),
        tags: Vec::new(),
    };
    assert_eq!((blocks, torn), (vec![first, second], None));
}

#[test]
fn a_block_torn_at_any_byte_is_cut_and_reported_and_those_before_it_stay() {
    let first = encode(Left::Delivered, number(1), &tags(0, 2));
    let second = encode(Left::Delivered, number(2), &tags(2, 2));
    for length in 0..second.len() {
        let disk = SimulatedDisk::default();
        disk.put_file(&place().seen(), &[&first, &second[..length]].concat());
        let (mut log, blocks, torn) = load(&disk, 100);
        assert_eq!(blocks.len(), 1);
        assert_eq!(torn.map_or(0, |torn| torn.bytes), wide(length));
        log.record(&disk, Left::Delivered, number(3), &tags(9, 1))
            .unwrap();
        assert_eq!(load(&disk, 100).1.len(), 2);
    }
}

#[test]
fn a_flipped_bit_anywhere_in_a_block_ends_the_log_there() {
    let block = encode(Left::Delivered, number(1), &tags(0, 2));
    for bit in 0..block.len() * 8 {
        let mut changed = block.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(decode(&changed), (Vec::new(), 0), "bit {bit}");
    }
}

#[test]
fn a_block_whose_write_failed_is_cut_before_the_next_is_written() {
    for operation in ["append", "sync"] {
        let disk = SimulatedDisk::default();
        let (mut log, ..) = load(&disk, 100);
        disk.fail(Some(Fault {
            operation,
            errno: EIO,
            after: 0,
            times: 1,
        }));
        let refused = log.record(&disk, Left::Delivered, number(1), &tags(0, 2));
        assert_eq!(refused.unwrap_err().code(), "SP-013");
        log.record(&disk, Left::Delivered, number(2), &tags(2, 2))
            .unwrap();
        disk.power_cut(0);
        let (_, blocks, torn) = load(&disk, 100);
        assert_eq!(torn, None);
        assert_eq!(blocks.last().unwrap().number, number(2));
    }
}

#[test]
fn the_log_is_shortened_to_the_latest_blocks_that_hold_the_window() {
    let disk = SimulatedDisk::default();
    let (mut log, ..) = load(&disk, 600);
    for segment in 0..100 {
        log.record(&disk, Left::Delivered, number(segment), &tags(0, 100))
            .unwrap();
        let bytes = disk.files()[&place().seen()].len();
        assert!(
            bytes < 1400 * 16 + 14 * 40,
            "{bytes} bytes at segment {segment}"
        );
        let (_, blocks, _) = load(&disk, 600);
        let kept: usize = blocks.iter().map(|block| block.tags.len()).sum();
        let ever = usize::try_from(segment + 1).unwrap() * 100;
        assert!(
            kept >= ever.min(600),
            "{kept} tags kept at segment {segment}"
        );
        assert_eq!(blocks.last().unwrap().number, number(segment));
    }
}

#[test]
fn a_crash_at_every_operation_of_a_shortening_keeps_the_window() {
    for share in [0, 128, 255] {
        for nth in 0.. {
            let disk = SimulatedDisk::default();
            let (mut log, ..) = load(&disk, 600);
            for segment in 0..12 {
                log.record(&disk, Left::Delivered, number(segment), &tags(0, 100))
                    .unwrap();
            }
            disk.crash_after(nth, share);
            let recorded = log.record(&disk, Left::Delivered, number(12), &tags(0, 100));
            let crashed = disk.is_dead();
            disk.power_cut(share);
            let (_, blocks, _) = load(&disk, 600);
            let last = blocks.last().unwrap().number.segment;
            assert!(
                last == 12 || (last == 11 && recorded.is_err()),
                "operation {nth}: {last}"
            );
            assert!(blocks.len() >= 6);
            if !crashed {
                break;
            }
        }
    }
}
