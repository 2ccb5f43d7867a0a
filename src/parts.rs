//! Work on a list, a part of it on each core.

use std::num::NonZero;
use std::thread::{available_parallelism, scope};

/// What `work` makes of each part of `list`, in order. A part has `least` entries, or all that are left: for fewer a thread
/// costs more than it saves.
pub fn in_parts<T: Sync, R: Send>(
    list: &[T],
    least: usize,
    work: impl Fn(&[T]) -> R + Sync,
) -> Vec<R> {
    let cores = available_parallelism().map_or(1, NonZero::get);
    let size = list.len().div_ceil(cores).max(least).max(1);
    if list.len() <= size {
        return vec![work(list)];
    }
    scope(|scope| {
        let work = &work;
        let running: Vec<_> = list
            .chunks(size)
            .map(|part| scope.spawn(move || work(part)))
            .collect();
        running
            .into_iter()
            .map(|part| {
                part.join()
                    .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            })
            .collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entry_is_in_one_part_and_parts_keep_their_order() {
        for length in [0, 1, 7, 8, 9, 1000] {
            let list: Vec<usize> = (0..length).collect();
            let parts = in_parts(&list, 8, <[usize]>::to_vec);
            assert_eq!(parts.concat(), list);
            assert!(parts.iter().rev().skip(1).all(|part| part.len() >= 8));
        }
    }
}
