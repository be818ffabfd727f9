//! Classes of rows that are linked.

use super::buckets::Match;

/// The class of each row, numbered in the order of first appearance, where `matches` link forms.
pub(super) fn of(forms: &[u32], num_forms: usize, matches: &[Match]) -> Vec<u32> {
    let mut parents: Vec<u32> = (0..).take(num_forms).collect();
    for &(left, right, _) in matches {
        let (left, right) = (root(&mut parents, left), root(&mut parents, right));
        parents[left.max(right) as usize] = left.min(right);
    }
    let mut numbers = vec![u32::MAX; num_forms];
    let mut next = 0;
    forms
        .iter()
        .map(|&form| {
            let number = &mut numbers[root(&mut parents, form) as usize];
            if *number == u32::MAX {
                *number = next;
                next += 1;
            }
            *number
        })
        .collect()
}

/// The least form of a class; each visited form is moved halfway up.
fn root(parents: &mut [u32], mut form: u32) -> u32 {
    while parents[form as usize] != form {
        let parent = parents[form as usize];
        parents[form as usize] = parents[parent as usize];
        form = parent;
    }
    form
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_join_classes_in_the_order_of_first_appearance() {
        let links = [(3, 5, 1.0), (1, 4, 0.9), (4, 5, 0.8)];
        assert_eq!(
            of(&[0, 1, 2, 3, 2, 4, 5, 6], 7, &links),
            [0, 1, 2, 1, 2, 1, 1, 3]
        );
        assert!(of(&[], 0, &[]).is_empty());
    }
}
