//! How many connections each peer and each flow holds. Owns the count; must never make anybody
//! wait.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use cofferdam_rack::{PeerId, ZoneName};

use crate::reason::Reason;

/// The connections held now.
#[derive(Debug, Default)]
pub(crate) struct Seats(Mutex<Taken>);

#[derive(Debug, Default)]
struct Taken {
    peers: BTreeMap<PeerId, usize>,
    zones: BTreeMap<ZoneName, u32>,
}

/// One connection's place. Given back when dropped.
#[derive(Debug)]
pub(crate) struct Seat {
    seats: Arc<Seats>,
    peer: PeerId,
}

impl Seats {
    /// Takes a place for `peer`, if there is one.
    pub(crate) fn take(
        self: &Arc<Self>,
        peer: &PeerId,
        per_peer: usize,
        per_flow: Option<u32>,
    ) -> Result<Seat, Reason> {
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of_peer = taken.peers.get(peer).copied().unwrap_or(0);
        let of_zone = taken.zones.get(&peer.zone).copied().unwrap_or(0);
        if of_peer >= per_peer {
            return Err(Reason::PeerFull(per_peer));
        }
        if let Some(limit) = per_flow
            && of_zone >= limit
        {
            return Err(Reason::FlowFull(limit));
        }
        taken.peers.insert(peer.clone(), of_peer.saturating_add(1));
        taken
            .zones
            .insert(peer.zone.clone(), of_zone.saturating_add(1));
        Ok(Seat {
            seats: Arc::clone(self),
            peer: peer.clone(),
        })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.seats.0.lock().unwrap_or_else(PoisonError::into_inner);
        let left = taken
            .peers
            .get(&self.peer)
            .copied()
            .unwrap_or(0)
            .saturating_sub(1);
        if left == 0 {
            taken.peers.remove(&self.peer);
        } else {
            taken.peers.insert(self.peer.clone(), left);
        }
        let left = taken
            .zones
            .get(&self.peer.zone)
            .copied()
            .unwrap_or(0)
            .saturating_sub(1);
        if left == 0 {
            taken.zones.remove(&self.peer.zone);
        } else {
            taken.zones.insert(self.peer.zone.clone(), left);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(zone: &str, node: &str) -> PeerId {
        PeerId {
            zone: zone.parse().expect("a zone name"),
            node: node.parse().expect("a node name"),
        }
    }

    #[test]
    fn a_peer_at_its_cap_gets_no_seat_until_it_gives_one_back() {
        let seats = Arc::new(Seats::default());
        let first = seats
            .take(&peer("intake", "in1"), 1, None)
            .expect("a free seat");
        assert_eq!(
            seats
                .take(&peer("intake", "in1"), 1, None)
                .expect_err("the cap"),
            Reason::PeerFull(1)
        );
        drop(first);
        assert!(seats.take(&peer("intake", "in1"), 1, None).is_ok());
    }

    #[test]
    fn a_flow_at_its_cap_gets_no_seat_for_any_of_its_nodes() {
        let seats = Arc::new(Seats::default());
        let _first = seats
            .take(&peer("intake", "in1"), 9, Some(1))
            .expect("a free seat");
        assert_eq!(
            seats
                .take(&peer("intake", "in2"), 9, Some(1))
                .expect_err("the cap"),
            Reason::FlowFull(1)
        );
        assert!(seats.take(&peer("analytics", "an1"), 9, Some(1)).is_ok());
    }

    #[test]
    fn seats_given_back_leave_nothing_behind() {
        let seats = Arc::new(Seats::default());
        drop(
            seats
                .take(&peer("intake", "in1"), 9, None)
                .expect("a free seat"),
        );
        let taken = seats.0.lock().expect("no panic held it");
        assert!(taken.peers.is_empty() && taken.zones.is_empty());
    }
}
