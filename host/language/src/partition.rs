//! A partition of an automaton's states, by which it is made smallest.

use crate::automaton::{Excess, Steps, Table, count};

/// Groups of states that can't be told apart, refined until all others can be
/// (Hopcroft).
pub(crate) struct Partition {
    /// The states, group by group.
    states: Vec<usize>,
    /// Where each state stands in `states`.
    place: Vec<usize>,
    /// The group of each state.
    group: Vec<usize>,
    /// Where each group begins and ends in `states`, and how many of it are
    /// marked; those stand first.
    groups: Vec<Group>,
}

#[derive(Clone, Copy)]
struct Group {
    begin: usize,
    end: usize,
    marked: usize,
}

// INVARIANT: every state and group that is named below is one of the table's,
// whose rows are of one length and lead to its own states.
#[expect(clippy::indexing_slicing)]
impl Partition {
    /// The coarsest partition that keeps apart what can be told apart.
    ///
    /// # Errors
    /// It would take more steps than are left.
    pub(crate) fn of(table: &Table, steps: &mut Steps) -> Result<Self, Excess> {
        let width = table.rows.first().map_or(0, Vec::len);
        let cells = count(table.rows.len() * width);
        // Each cell is looked at once for each halving of its state's group.
        steps.take(cells.saturating_mul(4))?;
        let before = Before::of(table, width);
        let mut partition = Self::by_acceptance(table);
        let mut waiting: Vec<usize> = (0..partition.groups.len()).collect();
        let mut touched: Vec<usize> = Vec::new();
        while let Some(splitter) = waiting.pop() {
            let Group { begin, end, .. } = partition.groups[splitter];
            let members = partition.states[begin..end].to_vec();
            steps.take(count(members.len() * width))?;
            for class in 0..width {
                for member in &members {
                    for state in before.of_state(*member, class) {
                        partition.mark(*state, &mut touched);
                    }
                }
                for group in touched.drain(..) {
                    let Some(new) = partition.split(group) else {
                        continue;
                    };
                    // Where the whole waits both halves have to; else the
                    // smaller one is enough, and the new one is the smaller.
                    waiting.push(new);
                }
            }
        }
        Ok(partition)
    }

    fn by_acceptance(table: &Table) -> Self {
        let of = |accepts: bool| {
            let accepting = table.accepting.iter().enumerate();
            accepting
                .filter(move |one| *one.1 == accepts)
                .map(|one| one.0)
        };
        let states: Vec<usize> = of(false).chain(of(true)).collect();
        let middle = of(false).count();
        let mut place = vec![0; states.len()];
        for (at, state) in states.iter().enumerate() {
            place[*state] = at;
        }
        let mut partition = Self {
            group: vec![0; states.len()],
            states,
            place,
            groups: Vec::new(),
        };
        for (begin, end) in [(0, middle), (middle, partition.states.len())] {
            if begin < end {
                partition.add(begin, end);
            }
        }
        partition
    }

    fn add(&mut self, begin: usize, end: usize) -> usize {
        let new = self.groups.len();
        for state in &self.states[begin..end] {
            self.group[*state] = new;
        }
        self.groups.push(Group {
            begin,
            end,
            marked: 0,
        });
        new
    }

    /// Marks a state, and notes its group if it is the first of it.
    fn mark(&mut self, state: usize, touched: &mut Vec<usize>) {
        let number = self.group[state];
        let group = &mut self.groups[number];
        let (from, to) = (self.place[state], group.begin + group.marked);
        if from < to {
            return;
        }
        if group.marked == 0 {
            touched.push(number);
        }
        group.marked += 1;
        let other = self.states[to];
        self.states.swap(from, to);
        self.place[state] = to;
        self.place[other] = from;
    }

    /// Parts the marked states of a group from the others. The smaller half
    /// becomes a new group.
    fn split(&mut self, number: usize) -> Option<usize> {
        let Group { begin, end, marked } = self.groups[number];
        self.groups[number].marked = 0;
        let middle = begin + marked;
        if middle == end {
            return None;
        }
        if middle - begin <= end - middle {
            self.groups[number].begin = middle;
            return Some(self.add(begin, middle));
        }
        self.groups[number].end = middle;
        Some(self.add(middle, end))
    }

    /// The group of each state.
    pub(crate) fn groups(self) -> Vec<usize> {
        self.group
    }
}

/// The states that lead to each state by each class.
struct Before {
    states: Vec<usize>,
    /// Where those of each state and class begin, and one end more.
    begins: Vec<usize>,
    width: usize,
}

// INVARIANT: as of `Partition`; `begins` has a cell for each state and class.
#[expect(clippy::indexing_slicing)]
impl Before {
    fn of(table: &Table, width: usize) -> Self {
        let cells = table.rows.len() * width;
        let mut begins = vec![0; cells + 1];
        for row in &table.rows {
            for (class, next) in row.iter().enumerate() {
                begins[next * width + class + 1] += 1;
            }
        }
        for cell in 0..cells {
            begins[cell + 1] += begins[cell];
        }
        let mut at = begins.clone();
        let mut states = vec![0; cells];
        for (state, row) in table.rows.iter().enumerate() {
            for (class, next) in row.iter().enumerate() {
                let place = &mut at[next * width + class];
                states[*place] = state;
                *place += 1;
            }
        }
        Self {
            states,
            begins,
            width,
        }
    }

    fn of_state(&self, state: usize, class: usize) -> &[usize] {
        let cell = state * self.width + class;
        &self.states[self.begins[cell]..self.begins[cell + 1]]
    }
}
