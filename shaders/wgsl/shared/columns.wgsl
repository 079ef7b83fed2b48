// A tile of the passes down the columns: all rows of some adjacent columns. In the outer half a thread's registers are 2^OUTER rows, a
// distance of 2^INNER apart, of some columns; in the inner half 2^INNER neighbouring rows. A register's low bits name the column.
#import transform

// Columns of a tile.
fn width() -> u32 {
    return TILE >> (OUTER + INNER);
}

// Columns from one register to the next, in a half of so many stages.
fn apart(stages: u32) -> u32 {
    return width() >> (4u - stages);
}

// The row of register k among 2^stages, and its column, counted from the thread's.
fn register_row(k: u32, stages: u32) -> u32 {
    return k >> (4u - stages);
}

fn register_column(k: u32, stages: u32) -> u32 {
    return (k & ((1u << (4u - stages)) - 1u)) * apart(stages);
}

// Row and column of register k of thread t in the outer half.
fn outer(t: u32, k: u32) -> vec2<u32> {
    let row = (register_row(k, OUTER) << INNER) + t / apart(OUTER);
    return vec2<u32>(row, t % apart(OUTER) + register_column(k, OUTER));
}

// Row and column of register k of thread t in the inner half.
fn inner(t: u32, k: u32) -> vec2<u32> {
    let row = ((t / apart(INNER)) << INNER) + register_row(k, INNER);
    return vec2<u32>(row, t % apart(INNER) + register_column(k, INNER));
}

// Where a row and column are in the tile, and in a row of the polynomial, counted from the tile's first column.
fn in_tile(at: vec2<u32>) -> u32 {
    return bank(at.x * width() + at.y);
}

fn in_row(at: vec2<u32>) -> u32 {
    return at.x * 256u + at.y;
}
