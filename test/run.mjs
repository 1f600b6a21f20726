// `npm test`; test/run/main.mjs shows what it does. Any Node can read this file.
const NEEDED = 18 // that of Debian 12

if (Number(process.versions.node.split('.')[0]) < NEEDED) {
  process.stdout.write(`npm test needs Node ${NEEDED} or later, and this is ${process.version}\n`)
  process.stdout.write('0 passed, 1 failed\n')
  process.exit(1)
}
import('./run/main.mjs')
