import t from 'tap'
import { createAttendance } from '../../../src/doors/daemon/attendance.ts'

/** How a door waits for those who are still there. */

t.test('where nobody is, nobody is waited for', async (t) => {
  const door = createAttendance<string>()
  door.enter('ann')
  door.leave('ann')
  await door.allGone(1_000_000, () => t.fail('nobody is there'))
})

t.test('it is over with the last one, however long the grace', async (t) => {
  const door = createAttendance<string>()
  door.enter('ann')
  door.enter('ben')
  let over = false
  const gone = door.allGone(1_000_000, () => t.fail('they have time')).then(() => (over = true))
  door.leave('ann')
  await new Promise(setImmediate)
  t.notOk(over)
  t.same([...door.present], ['ben'])
  door.leave('ben')
  await gone
})

t.test('who is there after the grace is told to go, and waited for', async (t) => {
  const door = createAttendance<string>()
  for (const name of ['ann', 'ben', 'cy']) door.enter(name)
  door.leave('ben')
  const told: string[] = []
  await door.allGone(1, (name) => {
    told.push(name)
    setImmediate(() => door.leave(name))
  })
  t.same(told, ['ann', 'cy'])
})
