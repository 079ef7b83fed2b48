// dst_t = sum of y_i W_ti + u U_t mod p_t, where u is the nearest integer to the sum of y_i / d_i in fixed point.
// Grid: (degree / WORKGROUP_SIZE, groups, polynomials); one thread for one coefficient and a group of targets.
// Twin: engine/src/ring/conversion.rs, BaseConversion::word.
#import conversion
#import modulus

@group(0) @binding(0) var<storage, read> groups: array<TargetGroup>;
@group(0) @binding(1) var<storage, read> sources: array<Source>;
@group(0) @binding(2) var<storage, read> targets: array<ConversionTarget>;
@group(0) @binding(3) var<storage, read> weights: array<u32>;
@group(0) @binding(4) var<storage, read> src: array<u32>;
@group(0) @binding(5) var<storage, read_write> dst: array<u32>;

override DEGREE: u32 = 65536u;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let group = groups[id.y];
#repeat t 0 8
    var sum{t} = wide(0u);
#end
    var fractions = 0u;
    for (var i = 0u; i < group.sources; i++) {
        let source = sources[group.first_source + i];
        let y = src[(source.row + id.z * source.stride) * DEGREE + id.x];
        fractions += mul_high(y, source.fraction);
        let w = group.weights + i * GROUP_TARGETS;
#repeat t 0 8
        sum{t} = wide_mul_add(sum{t}, y, weights[w + {t}u]);
#end
    }
    let overflow = (fractions + (1u << (FRACTION_BITS - 1u))) >> FRACTION_BITS;
#repeat t 0 8
    if (group.targets > {t}u) {
        let goal = targets[group.first_target + {t}u];
        let sum = wide_mul_add(sum{t}, overflow, goal.overflow);
        dst[(goal.row + id.z * goal.stride) * DEGREE + id.x] = reduce_wide(sum, goal.limb);
    }
#end
}
