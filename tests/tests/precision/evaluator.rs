use engine::ckks::Level;
use engine::ring::Rotation;
use num_complex::Complex64;
use tests::{Fixture, bits, params, reference, slots};

#[test]
fn smoke() {
    for name in ["insecure-10", "insecure-11-boot"] {
        let params = params(name);
        let top = params.max_level();
        let n = params.slots();
        let backend = reference(&params);
        let f = Fixture::new(params, backend, top, &[1, -3]);
        let ev = f.evaluator();
        let (x, y) = (slots(n, 1), slots(n, 2));
        let a = f.encrypt(&[&x], top, 3);
        let b = f.encrypt(&[&y], top, 4);
        println!("{name} fresh {:.1}", bits(&x, &f.decrypt(&a)[0]));
        let sum: Vec<_> = x.iter().zip(&y).map(|(a, b)| a + b).collect();
        println!(
            "add {:.1}",
            bits(&sum, &f.decrypt(&ev.add(&a, &b).unwrap())[0])
        );
        let prod: Vec<_> = x.iter().zip(&y).map(|(a, b)| a * b).collect();
        println!(
            "mul {:.1}",
            bits(&prod, &f.decrypt(&ev.mul(&a, &b).unwrap())[0])
        );
        let rot: Vec<_> = (0..n).map(|i| x[(i + 1) % n]).collect();
        println!(
            "rot {:.1}",
            bits(&rot, &f.decrypt(&ev.rotate(&a, Rotation(1)).unwrap())[0])
        );
        let many = ev
            .rotate_many(&a, &[Rotation(1), Rotation(-3), Rotation(0)])
            .unwrap();
        println!("rotmany {:.1}", bits(&rot, &f.decrypt(&many[0])[0]));
        let conj: Vec<_> = x.iter().map(|z| z.conj()).collect();
        println!(
            "conj {:.1}",
            bits(&conj, &f.decrypt(&ev.conjugate(&a).unwrap())[0])
        );
        for l in (0..top.0).rev() {
            let low = ev.lower(&a, Level(l)).unwrap();
            print!("lower{l} {:.1} ", bits(&x, &f.decrypt(&low)[0]));
        }
        println!();
        let mut p = a.clone();
        let mut want = x.clone();
        for l in (0..top.0).rev() {
            let other = ev.lower(&b, p.level()).unwrap();
            p = ev.mul(&p, &other).unwrap();
            p = ev.add(&p, &a).unwrap();
            want = want
                .iter()
                .zip(&y)
                .zip(&x)
                .map(|((w, y), x)| w * y + x)
                .collect();
            let got = f.decrypt(&p);
            print!("chain{l} {:.1} ", bits(&want, &got[0]));
        }
        println!();
        let lc = ev
            .linear_combination(&[(&a, 0.5), (&b, -0.25)], 0.125)
            .unwrap();
        let want: Vec<_> = x
            .iter()
            .zip(&y)
            .map(|(a, b)| 0.5 * a - 0.25 * b + 0.125)
            .collect();
        println!("lc {:.1}", bits(&want, &f.decrypt(&lc)[0]));
        let i: Vec<_> = x.iter().map(|z| z * Complex64::I).collect();
        println!("i {:.1}", bits(&i, &f.decrypt(&ev.mul_i(&a).unwrap())[0]));
    }
}
