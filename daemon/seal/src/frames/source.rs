//! Where a sealed object is read from. Must never move a position that somebody else reads by.

use std::fs::File;
use std::io;
use std::sync::Arc;

/// Bytes that can be read at any place, many readers at once.
pub trait Source {
    /// Reads some bytes from `offset` on; 0 is the end.
    ///
    /// # Errors
    /// Whatever the source's reading gives.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;

    /// How many bytes there are.
    ///
    /// # Errors
    /// Whatever the source's metadata gives.
    fn len(&self) -> io::Result<u64>;

    /// Whether there are none.
    ///
    /// # Errors
    /// As [`Source::len`].
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }
}

impl Source for File {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        std::os::unix::fs::FileExt::read_at(self, buffer, offset)
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }
}

impl Source for [u8] {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let rest = usize::try_from(offset)
            .ok()
            .and_then(|start| self.get(start..));
        let rest = rest.unwrap_or_default();
        let count = rest.len().min(buffer.len());
        for (target, &byte) in buffer.iter_mut().zip(rest) {
            *target = byte;
        }
        Ok(count)
    }

    fn len(&self) -> io::Result<u64> {
        Ok(super::wide(self.len()))
    }
}

impl Source for Vec<u8> {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        Source::read_at(self.as_slice(), buffer, offset)
    }

    fn len(&self) -> io::Result<u64> {
        Source::len(self.as_slice())
    }
}

impl<S: Source + ?Sized> Source for &S {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        S::read_at(self, buffer, offset)
    }

    fn len(&self) -> io::Result<u64> {
        S::len(self)
    }
}

impl<S: Source + ?Sized> Source for Arc<S> {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        S::read_at(self, buffer, offset)
    }

    fn len(&self) -> io::Result<u64> {
        S::len(self)
    }
}

/// Fills the buffer from `offset` on.
pub(crate) fn fill(
    source: &(impl Source + ?Sized),
    mut buffer: &mut [u8],
    mut offset: u64,
) -> io::Result<()> {
    while !buffer.is_empty() {
        match source.read_at(buffer, offset) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => {
                let (_, rest) = buffer.split_at_mut(count.min(buffer.len()));
                buffer = rest;
                offset = offset.saturating_add(super::wide(count));
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
