//! Archives (RFC 5005 §4): entries in blocks from the oldest, kept as they were cut.
//!
//! A block is cut when it is complete and never again: its address and its entries stay, so a reader
//! that has read it need not come back. What is in no block yet is always in the document that readers
//! subscribe to; so nothing is ever out of reach.

/// Entries of a block.
pub const BLOCK_ENTRIES: usize = 10;
/// A block of long pieces is complete with fewer, when their bodies have so many bytes.
const BLOCK_BYTES: usize = 100 * 1024;
/// A lone archive has neither a neighbour before nor one after it, which readers take for a fault.
const FIRST_BLOCKS: usize = 2;

/// The blocks that are complete now. `waiting` are the entries that no block has, oldest first, with the
/// bytes of their bodies; `blocks` is how many blocks there are.
pub fn cut<E: Copy>(blocks: usize, waiting: &[(E, usize)]) -> Vec<Vec<E>> {
    let mut cut = Vec::new();
    let (mut block, mut bytes) = (Vec::new(), 0);
    for (entry, body) in waiting {
        block.push(*entry);
        bytes += body;
        if block.len() == BLOCK_ENTRIES || bytes >= BLOCK_BYTES {
            cut.push(std::mem::take(&mut block));
            bytes = 0;
        }
    }
    let too_few = blocks + cut.len() < FIRST_BLOCKS;
    let all_fit = super::fitting(waiting.iter().map(|(_, body)| *body)) == waiting.len();
    if too_few && !all_fit && !block.is_empty() {
        cut.push(block); // a short one, rather than an entry that no document has
    }
    if blocks + cut.len() < FIRST_BLOCKS { Vec::new() } else { cut }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sizes(blocks: usize, waiting: usize, bytes: usize) -> Vec<usize> {
        let waiting: Vec<(usize, usize)> = (0..waiting).map(|entry| (entry, bytes)).collect();
        cut(blocks, &waiting).iter().map(Vec::len).collect()
    }

    #[test]
    fn blocks_are_cut_when_complete_and_the_first_two_together() {
        assert_eq!(sizes(0, 19, 1), [0; 0]);
        assert_eq!(sizes(0, 20, 1), [10, 10]);
        assert_eq!(sizes(2, 9, 1), [0; 0]);
        assert_eq!(sizes(2, 25, 1), [10, 10]);
    }

    #[test]
    fn what_no_block_has_fits_into_the_feed() {
        for (blocks, waiting, bytes) in
            [(0, 15, 30 * 1024), (0, 3, 300 * 1024), (2, 9, 12 * 1024), (0, 19, 5 * 1024), (0, 1, 900 * 1024)]
        {
            let cut: usize = sizes(blocks, waiting, bytes).iter().sum();
            let left = waiting - cut;
            assert!(crate::feed::fitting(vec![bytes; left]) >= left, "{waiting} of {bytes}: {left} left");
        }
        let long_last: Vec<(usize, usize)> = vec![(0, 10 * 1024), (1, 400 * 1024), (2, 1)];
        assert_eq!(cut(0, &long_last), [vec![0, 1], vec![2]]);
    }
}
