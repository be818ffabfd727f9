//! Every variant of the tile, beside sums in plain integers.

use super::*;
use crate::key::Key;

/// A tile's operands: codes at random, in the unpacked order `[row][dimension]`, and their packed forms.
struct Operands {
    queries: Vec<Vec<i8>>,
    documents: Vec<Vec<i8>>,
    packed: Vec<i8>,
    lines: Vec<Line>,
}

/// `most` is the greatest code of a query: 32 satisfies every variant's bound on four of them.
fn operands(tile: &Tile, dim: usize, most: i8) -> Operands {
    let mut rng = Key::new(dim as u64).rng();
    let mut draw = |count: usize, most: i8| -> Vec<Vec<i8>> {
        let span = 2 * u64::from(most.unsigned_abs()) + 1;
        let mut code =
            || i8::try_from(i64::try_from(rng.below(span)).unwrap_or(0) - i64::from(most));
        (0..count)
            .map(|_| (0..dim).map(|_| code().unwrap_or(0)).collect())
            .collect()
    };
    let (queries, documents) = (draw(tile.queries, most), draw(tile.width, 127));
    let mut packed = vec![0; dim * tile.queries];
    for (at, row) in queries.iter().enumerate() {
        for (k, &code) in row.iter().enumerate() {
            packed[(k / 4 * tile.queries + at) * 4 + k % 4] = code;
        }
    }
    let mut lines = vec![Line([0; 64]); dim * tile.width / 64];
    for (at, row) in documents.iter().enumerate() {
        for (k, &code) in row.iter().enumerate() {
            let place = (k / 4 * tile.width + at) * 4 + k % 4;
            lines[place / 64].0[place % 64] = code.cast_unsigned().wrapping_add(tile.offset);
        }
    }
    Operands {
        queries,
        documents,
        packed,
        lines,
    }
}

/// Documents that are their codes, without bias and rest.
fn plain<'a>(made: &'a Operands, ones: &'a [f32], zeros: &'a [f32]) -> Documents<'a> {
    Documents {
        codes: &made.lines,
        scales: ones,
        biases: zeros,
        lengths: zeros,
        rests: zeros,
        longest: 0.0,
        coarsest: 0.0,
    }
}

/// One tile; the bits of the queries that have a hit.
fn run(
    tile: &Tile,
    made: &Operands,
    documents: Documents<'_>,
    bands: &Bands,
    hits: &mut Hits,
) -> u32 {
    let pass = Pass {
        dim: made.packed.len() / tile.queries,
        queries: &made.packed,
        bands: std::slice::from_ref(bands),
        documents,
        back: None,
        next: &[],
    };
    tile.run(&pass, 0, hits).map_or(0, |(_, rows)| rows)
}

fn product(left: &[i8], right: &[i8]) -> i32 {
    let pairs = left.iter().zip(right);
    pairs.map(|(&x, &y)| i32::from(x) * i32::from(y)).sum()
}

fn asked(tile: &Tile, queries: &[Vec<i8>]) -> Bands {
    let mut asked = Bands::NONE;
    for (at, row) in queries.iter().enumerate() {
        let sum: i32 = row.iter().map(|&code| i32::from(code)).sum();
        asked.starts[at] = -i32::from(tile.offset) * sum;
        asked.scales[at] = 1.0;
        (asked.lows[at], asked.caps[at]) = (f32::NEG_INFINITY, f32::INFINITY);
    }
    asked
}

#[test]
#[expect(clippy::cast_precision_loss, reason = "small integers")]
fn every_variant_sums_the_products_exactly() {
    const MORE: [i32; MOST_QUERIES] = [-1, 2, 30, -400, 5, 6, -77, 8];
    for tile in Tile::all() {
        let most = if tile.most_of_four < 4 * 127 { 32 } else { 127 };
        for (dim, most) in [(8, most), (16, most), (384, most), (1104, 32)] {
            let made = operands(&tile, dim, most);
            let mut asked = asked(&tile, &made.queries);
            for (start, more) in asked.starts.iter_mut().zip(MORE) {
                *start += more; // a sum begins where it is told to
            }
            let ones = vec![1.0; tile.width];
            let zeros = vec![0.0; tile.width];
            let documents = plain(&made, &ones, &zeros);
            let mut hits = Hits::new();
            let rows = run(&tile, &made, documents, &asked, &mut hits);
            assert_eq!(rows, (1 << tile.queries) - 1);
            for (query, left) in made.queries.iter().enumerate() {
                for (document, right) in made.documents.iter().enumerate() {
                    let expected = (MORE[query] + product(left, right)) as f32;
                    assert_eq!(hits.least[query][document].to_bits(), expected.to_bits());
                    assert_eq!(hits.most[query][document].to_bits(), expected.to_bits());
                }
            }
        }
    }
}

/// Four codes of one sign at the variant's bound, against documents at either end: nothing saturates.
#[test]
#[expect(clippy::cast_precision_loss, reason = "small integers")]
fn the_greatest_codes_do_not_saturate() {
    for tile in Tile::all() {
        let code = i8::try_from(tile.most_of_four.min(4 * 127) / 4).unwrap_or(0);
        for (sign, end) in [(1, 127), (-1, 127), (1, -127), (-1, -127)] {
            let dim = 32;
            let mut made = operands(&tile, dim, 1);
            made.queries = vec![vec![sign * code; dim]; tile.queries];
            made.packed = vec![sign * code; dim * tile.queries];
            made.lines = vec![
                Line([i8::cast_unsigned(end).wrapping_add(tile.offset); 64]);
                dim * tile.width / 64
            ];
            let (ones, zeros) = (vec![1.0; tile.width], vec![0.0; tile.width]);
            let documents = plain(&made, &ones, &zeros);
            let mut hits = Hits::new();
            run(
                &tile,
                &made,
                documents,
                &asked(&tile, &made.queries),
                &mut hits,
            );
            let expected = 32 * i32::from(sign * code) * i32::from(end);
            assert_eq!(
                hits.most[0][tile.width - 1].to_bits(),
                (expected as f32).to_bits()
            );
        }
    }
}

#[test]
fn every_variant_sorts_into_inside_above_and_neither() {
    for tile in Tile::all() {
        let dim = 16;
        let made = operands(&tile, dim, 32);
        let mut asked = asked(&tile, &made.queries);
        for query in 0..tile.queries {
            (asked.scales[query], asked.rests[query]) = (0.5, 100.0);
            (asked.lengths[query], asked.slacks[query]) = (50.0, 3.0);
            (asked.lows[query], asked.caps[query]) = (-300.0, 300.0);
        }
        asked.lows[2] = f32::NAN;
        asked.caps[1] = f32::INFINITY;
        let mut biases: Vec<f32> = (0..tile.width)
            .map(|at| if at % 2 == 0 { 700.0 } else { -300.0 })
            .collect();
        biases[3] = f32::NAN;
        let lengths: Vec<f32> = (0..tile.width)
            .map(|at| if at % 3 == 0 { 4.0 } else { 1.0 })
            .collect();
        let (scales, rests) = (vec![0.25; tile.width], vec![2.0; tile.width]);
        let documents = Documents {
            codes: &made.lines,
            scales: &scales,
            biases: &biases,
            lengths: &lengths,
            rests: &rests,
            longest: 4.0,
            coarsest: 2.0,
        };
        let mut hits = Hits::new();
        let rows = run(&tile, &made, documents, &asked, &mut hits);
        let (mut some_inside, mut some_above, mut some_neither) = (0, 0, 0);
        for (query, left) in made.queries.iter().enumerate() {
            let (mut inside, mut above) = (0u64, 0u64);
            for (document, right) in made.documents.iter().enumerate() {
                let sum = f64::from(product(left, right));
                let value = sum * 0.125 + f64::from(biases[document]);
                let error = f64::from(100.0 * lengths[document]) + 103.0;
                let (least, most) = (value - error, value + error);
                if most >= f64::from(asked.lows[query]) {
                    let is_under = least <= f64::from(asked.caps[query]);
                    inside |= u64::from(is_under) << document;
                    above |= u64::from(!is_under) << document;
                } else {
                    some_neither += 1;
                }
            }
            some_inside += inside.count_ones();
            some_above += above.count_ones();
            assert_eq!(rows >> query & 1 == 1, inside | above != 0, "{}", tile.name);
            if rows >> query & 1 == 1 {
                assert_eq!((hits.inside[query], hits.above[query]), (inside, above));
            }
        }
        assert_eq!(rows >> 2 & 1, 0, "a query without a low has no hits");
        assert!(some_inside > 0 && some_above > 0 && some_neither > 0);
    }
}

/// One product, and what it is for either of its rows; some queries and documents look for nothing.
#[test]
fn every_variant_lets_documents_look_for_queries() {
    for tile in Tile::all() {
        let made = operands(&tile, 16, 32);
        let mut asked = asked(&tile, &made.queries);
        for query in 0..tile.queries {
            (asked.scales[query], asked.rests[query]) = (0.5, 100.0);
            (asked.lengths[query], asked.slacks[query]) = (50.0, 3.0);
            (asked.lows[query], asked.caps[query]) = (900.0, 2000.0);
            (asked.factors[query], asked.tops[query]) = (0.5, 10.0);
            asked.bottoms[query] = -10.0;
        }
        (asked.lows[0], asked.tops[1]) = (f32::NAN, f32::NAN);
        let lengths: Vec<f32> = (0..tile.width)
            .map(|at| if at % 3 == 0 { 4.0 } else { 1.0 })
            .collect();
        let (scales, rests) = (vec![0.25; tile.width], vec![2.0; tile.width]);
        let mut biases = vec![200.0; tile.width];
        biases[3] = f32::NAN;
        let documents = Documents {
            codes: &made.lines,
            scales: &scales,
            biases: &biases,
            lengths: &lengths,
            rests: &rests,
            longest: 4.0,
            coarsest: 2.0,
        };
        let mut lows: Vec<f32> = (0..tile.width)
            .map(|at| if at % 4 == 0 { 700.0 } else { 250.0 })
            .collect();
        (lows[1], lows[2]) = (f32::NAN, f32::NEG_INFINITY);
        let caps = vec![260.0; tile.width];
        let pass = Pass {
            dim: 16,
            queries: &made.packed,
            bands: std::slice::from_ref(&asked),
            documents,
            back: Some(Back {
                lows: &lows,
                caps: &caps,
            }),
            next: &[],
        };
        let mut hits = Hits::new();
        let rows = tile.run(&pass, 0, &mut hits).map_or(0, |(_, rows)| rows);
        let (mut some_inside, mut some_above, mut some_neither) = (0, 0, 0);
        for (query, left) in made.queries.iter().enumerate() {
            let (mut inside, mut above, mut inside_back, mut above_back) = (0, 0, 0, 0);
            for (document, right) in made.documents.iter().enumerate() {
                let value = f64::from(product(left, right)) * 0.125 + f64::from(biases[document]);
                let error = f64::from(100.0 * lengths[document]) + 103.0;
                let (least, most) = (value - error, value + error);
                if most >= f64::from(asked.lows[query]) {
                    let is_under = least <= f64::from(asked.caps[query]);
                    inside |= u64::from(is_under) << document;
                    above |= u64::from(!is_under) << document;
                }
                let top = most * 0.5 + f64::from(asked.tops[query]);
                if top >= f64::from(lows[document]) {
                    let is_under = least * 0.5 - 10.0 <= f64::from(caps[document]);
                    inside_back |= u64::from(is_under) << document;
                    above_back |= u64::from(!is_under) << document;
                } else {
                    some_neither += 1;
                }
            }
            some_inside += inside_back.count_ones();
            some_above += above_back.count_ones();
            let any = inside | above | inside_back | above_back != 0;
            assert_eq!(rows >> query & 1 == 1, any, "{} {query}", tile.name);
            if any {
                let found = (hits.inside[query], hits.above[query]);
                assert_eq!(found, (inside, above), "{} {query}", tile.name);
                let found = (hits.inside_back[query], hits.above_back[query]);
                assert_eq!(found, (inside_back, above_back), "{} {query}", tile.name);
            }
        }
        assert!(some_inside > 0 && some_above > 0 && some_neither > 0);
    }
}

#[test]
fn tiles_are_shown_one_after_the_other_and_gone_on_with() {
    for tile in Tile::all() {
        let (dim, tiles) = (16, 5);
        let made = operands(&tile, dim, 32);
        let quiet = Bands {
            lows: [f32::NAN; MOST_QUERIES],
            ..asked(&tile, &made.queries)
        };
        let mut bands = vec![quiet; tiles];
        for loud in [1, 4] {
            bands[loud].lows[loud % tile.queries] = f32::NEG_INFINITY;
        }
        let (ones, zeros) = (vec![1.0; tile.width], vec![0.0; tile.width]);
        let documents = plain(&made, &ones, &zeros);
        for next in [&made.lines[..], &[]] {
            let pass = Pass {
                dim,
                queries: &made.packed.repeat(tiles),
                bands: &bands,
                documents,
                back: None,
                next,
            };
            let mut hits = Hits::new();
            assert_eq!(tile.run(&pass, 0, &mut hits), Some((1, 2)));
            let (found, last) = (tile.run(&pass, 2, &mut hits), 4 % tile.queries);
            assert_eq!(found, Some((4, 1 << last)));
            assert_eq!(hits.inside[last].count_ones() as usize, tile.width);
            assert_eq!(tile.run(&pass, 5, &mut hits), None);
        }
    }
}

#[test]
fn a_variant_is_found_by_its_name() {
    assert!(Tile::named("portable").is_some() && Tile::named("abacus").is_none());
    assert_eq!(
        Tile::named(Tile::best().name).map(|tile| tile.width),
        Some(Tile::best().width)
    );
}
