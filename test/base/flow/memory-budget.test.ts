import t from 'tap'
import { Budget, type MemoryLease } from '../../../src/base/flow/memory-budget.ts'

/** The memory of a door, and the shares of its clients. */

const KIB = 1024
const MIB = 1024 * KIB
const LIMIT = 64 * MIB

/** Takes memory by leases of this many bytes until there is no share left; returns how much was taken. */
function takeAll(budget: Budget, client: string, each: number): number {
  let taken = 0
  for (;;) {
    try {
      budget.open(client).charge(each)
    } catch {
      return taken
    }
    taken += each
  }
}

const mayTake = (lease: MemoryLease, bytes: number) => {
  try {
    lease.charge(bytes)
    return true
  } catch {
    return false
  }
}

t.test('150 large messages of one client leave room for the small mail of all', async (t) => {
  const budget = new Budget(LIMIT)
  for (let session = 0; session < 150; session++) {
    const lease = budget.open('192.0.2.1')
    while (mayTake(lease, 32 * KIB));
  }
  t.ok(budget.used >= LIMIT / 2, 'it has used its share')
  t.ok(mayTake(budget.open('192.0.2.1'), 32 * KIB), 'small mail of the same client')
  t.ok(mayTake(budget.open('192.0.2.2'), 32 * KIB), 'that of another one')
  t.ok(mayTake(budget.open('192.0.2.2'), MIB), 'a large message of another one')
})

t.test('each of many greedy clients leaves something for the next one', async (t) => {
  const budget = new Budget(LIMIT)
  const taken = Array.from({ length: 6 }, (_, client) => takeAll(budget, `user ${client}`, 8 * KIB))
  t.ok(taken[0]! <= 0.75 * LIMIT, `${taken[0]} bytes for the first one`)
  for (const bytes of taken) t.ok(bytes > 0)
  t.ok(mayTake(budget.open('one more'), 8 * KIB))
})

t.test('released memory can be used again', async (t) => {
  const budget = new Budget(LIMIT)
  const lease = budget.open('user 1')
  while (mayTake(lease, MIB));
  const most = budget.used
  lease.close()
  lease.close()
  t.equal(budget.used, 0)
  while (mayTake(lease, MIB));
  t.equal(budget.used, most)
  lease.release(0)
  lease.charge(0)
  t.equal(budget.used, most, 'nothing more is asked for')
})
