import t from 'tap'
import { readOptions } from '../../../src/scanner/options/daemon-options.ts'

t.test('there is a worker for each processor but one, which clamd needs', async (t) => {
  const byDefault = [1, 2, 3, 4, 5, 64].map((processors) => readOptions([], processors).workers)
  t.same(byDefault, [1, 1, 2, 3, 4, 4])
  t.equal(readOptions(['--workers', '2'], 2).workers, 2, 'unless an option has another number')
})
