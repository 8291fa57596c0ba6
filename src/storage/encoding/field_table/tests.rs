//! The field table against a naive map.

use std::collections::BTreeMap;

use super::*;

type Model = BTreeMap<Vec<u8>, (Vec<u8>, Option<i64>)>;

fn check(table: &FieldTable, model: &Model) {
    assert_eq!(table.len(), model.len());
    let seen: Model =
        table.iter().map(|f| (f.name().to_vec(), (f.value().to_vec(), f.expire()))).collect();
    assert_eq!(&seen, model);
    let times = model.values().filter_map(|(_, at)| *at);
    assert_eq!(table.min_expire(), times.clone().min());
    assert_eq!(table.has_expires(), times.clone().count() > 0);
    for now in [0, 3, 10, 100] {
        assert_eq!(table.expired_len(now), times.clone().filter(|at| *at < now).count());
    }
}

#[test]
fn random_changes_agree_with_a_naive_map() {
    for seed in 0..20 {
        let mut rng = fastrand::Rng::with_seed(seed);
        let mut table = FieldTable::new();
        let mut model = Model::new();
        for step in 0..2000 {
            let name = format!("field-{}", rng.u32(..200)).into_bytes();
            let value = vec![b'v'; rng.usize(..300)];
            match rng.u32(..6) {
                0 | 1 => {
                    let keep = rng.bool();
                    let updated = table.set(&name, &value, keep);
                    assert_eq!(updated, model.contains_key(&name));
                    let old = model.get(&name).and_then(|(_, at)| *at);
                    model.insert(name, (value, if keep { old } else { None }));
                }
                2 => assert_eq!(table.remove(&name), model.remove(&name).is_some()),
                3 | 4 => {
                    let at = rng.bool().then(|| rng.i64(..20));
                    assert_eq!(table.set_expire(&name, at), model.contains_key(&name));
                    if let Some(field) = model.get_mut(&name) {
                        field.1 = at;
                    }
                }
                _ => {
                    let now = rng.i64(..3);
                    if let Some(field) = table.pop_expired(now) {
                        let at = field.as_ref().expire().expect("only those are listed");
                        assert!(at <= now);
                        assert_eq!(model.values().filter_map(|(_, at)| *at).min(), Some(at));
                        assert!(model.remove(field.as_ref().name()).is_some());
                    }
                }
            }
            if step % 100 == 0 {
                check(&table, &model);
            }
        }
        check(&table, &model);
        check(&table.clone(), &model);
    }
}
