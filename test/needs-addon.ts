import { lacks } from './needs.mjs'

/** The first import of a test file that needs the addon in C: without it, the file is skipped. */

const reason = lacks('the addon')
if (reason !== false) {
  process.stdout.write(`TAP version 14\nok 1 - what needs the addon # SKIP ${reason}\n1..1\n`)
  process.exit()
}
