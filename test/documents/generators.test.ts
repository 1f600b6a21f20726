import t from 'tap'
import { sourceFiles } from '../../tools/documents/source-files.ts'

/**
 * V8 makes a hidden class for a generator function when it is called first, and keeps it in its old
 * generation, with all that the function can see. For a function that is made again for each message that
 * is the message, until the next full collection.
 */

/** Those that are made once for each command that somebody types, or request that a process of its own answers. */
const commands = ['scanner/cli/', 'scanner/desk/', 'scanner/readiness/']

t.test(
  'generators are functions of modules and methods of classes, which are made once',
  async (t) => {
    t.same(
      madeAnew('function* f() {}\nexport async function* g() {}\nclass C {\n  *h() {}\n}\n'),
      [],
    )
    const inner = [
      '  function* f() {}',
      '  give(async function* () {})',
      '    *read() {',
      '    async *read() {',
    ]
    for (const line of inner) t.same(madeAnew(`a()\n${line}\n`), [line.trim()])
    const found = sourceFiles
      .filter(({ path }) => !commands.some((command) => path.startsWith(command)))
      .flatMap(({ path, text }) => madeAnew(text).map((line) => `${path}: ${line}`))
    t.same(found, [])
  },
)

/** The lines at which such a function is made inside of another one, in formatted code. */
function madeAnew(text: string): readonly string[] {
  const lines = text.split('\n')
  return lines
    .filter(
      (line) =>
        /^ .*\bfunction\*|^ {3,}(?:async )?\*[\w#[]/.test(line) && !/^ *(?:\/?\*|\/\/) /.test(line),
    )
    .map((line) => line.trim())
}
