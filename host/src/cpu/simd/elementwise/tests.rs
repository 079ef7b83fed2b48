use super::*;
use engine::arith::ntt_primes;

fn row(n: usize, q: Modulus, mut state: u64) -> Vec<Word> {
    let mut row: Vec<_> = (0..n)
        .map(|_| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            q.reduce_wide(state >> 32)
        })
        .collect();
    let top = q.value() - 1;
    row[..4].copy_from_slice(&[0, top, 1, top]);
    row
}

#[test]
fn words_are_those_of_the_modulus() {
    let n = 64;
    for q in ntt_primes(1 << 10, 1 << 24, 1 << 30)
        .step_by(1000)
        .chain(ntt_primes(1 << 10, 1 << 24, 1 << 30).take(1))
    {
        let (a, mut b, c) = (row(n, q, 1), row(n, q, 2), row(n, q, 3));
        b[..4].copy_from_slice(&[0, q.value() - 1, 0, 1]);
        let w = ShoupFactor::new(q.value() / 3, q);
        for isa in Isa::available() {
            let check = |name: &str, found: &[Word], f: &dyn Fn(usize) -> Word| {
                for (i, found) in found.iter().enumerate() {
                    assert_eq!(*found, f(i), "{isa} {name} {i} q = {}", q.value());
                }
            };
            let mut d = vec![0; n];
            add(isa, q, &mut d, &a, &b).unwrap();
            check("add", &d, &|i| q.add(a[i], b[i]));
            sub(isa, q, &mut d, &a, &b).unwrap();
            check("sub", &d, &|i| q.sub(a[i], b[i]));
            neg(isa, q, &mut d, &a).unwrap();
            check("neg", &d, &|i| q.neg(a[i]));
            mul(isa, q, &mut d, &a, &b).unwrap();
            check("mul", &d, &|i| q.mul(a[i], b[i]));
            scale(isa, q, &mut d, &a, w).unwrap();
            check("scale", &d, &|i| q.mul(a[i], w.value()));
            sub_scale(isa, q, &mut d, &a, &b, w).unwrap();
            check("sub_scale", &d, &|i| q.mul(q.sub(a[i], b[i]), w.value()));
            type Assign<'a> = (&'a str, &'a dyn Fn(&mut [Word]), &'a dyn Fn(usize) -> Word);
            let assigns: [Assign<'_>; 7] = [
                ("add", &|c| add_assign(isa, q, c, &a).unwrap(), &|i| {
                    q.add(c[i], a[i])
                }),
                ("sub", &|c| sub_assign(isa, q, c, &a).unwrap(), &|i| {
                    q.sub(c[i], a[i])
                }),
                ("mul", &|c| mul_assign(isa, q, c, &a).unwrap(), &|i| {
                    q.mul(c[i], a[i])
                }),
                (
                    "mul_add",
                    &|c| mul_add_assign(isa, q, c, &a, &b).unwrap(),
                    &|i| q.add(c[i], q.mul(a[i], b[i])),
                ),
                ("scale", &|c| scale_assign(isa, q, c, w).unwrap(), &|i| {
                    q.mul(c[i], w.value())
                }),
                (
                    "scale_add",
                    &|c| scale_add_assign(isa, q, c, &a, w).unwrap(),
                    &|i| q.add(c[i], q.mul(a[i], w.value())),
                ),
                (
                    "sub_scale",
                    &|c| sub_scale_assign(isa, q, c, &b, w).unwrap(),
                    &|i| q.mul(q.sub(c[i], b[i]), w.value()),
                ),
            ];
            for (name, run, expected) in assigns {
                let mut d = c.clone();
                run(&mut d);
                check(name, &d, expected);
            }
        }
    }
}

#[test]
fn unequal_rows_are_refused() {
    let q = Modulus::new(97).unwrap();
    let isa = Isa::detect();
    assert!(add(isa, q, &mut [0; 32], &[0; 32], &[0; 16]).is_err());
    assert!(add(isa, q, &mut [0; 20], &[0; 20], &[0; 20]).is_err());
}
