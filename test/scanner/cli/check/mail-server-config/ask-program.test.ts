import t from 'tap'
import { askProgram } from '../../../../../src/scanner/cli/check/mail-server-config/ask-program.ts'

t.test('the output of a program is returned, and its error text if it fails', async (t) => {
  t.equal(await askProgram(['/bin/echo', 'a = b']), 'a = b\n')
  const failing = ['/bin/sh', '-c', 'echo no such file >&2; exit 1'] as const
  const error = await askProgram(failing).catch((error: unknown) => error)
  t.match(error, { message: 'no such file' })
})

t.test('a program that takes too long is not a program that prints nothing', async (t) => {
  // It would end well after it was asked to end.
  const slow = ['/bin/sh', '-c', 'echo a = b; trap "" TERM; sleep 2'] as const
  const error = await askProgram(slow, 500).catch((error: unknown) => error)
  t.match(error, { message: '/bin/sh did not end within 500 ms' })
})
