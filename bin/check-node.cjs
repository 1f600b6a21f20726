// Ends the program with one line, and the exit code that is set, if this Node is older than the package requires.
// Node 12 can read it, too: each program calls it before it loads anything else.
'use strict'
const { engines } = require('../package.json')

/** `report` receives the line: a path, two versions and the remedy. */
module.exports = function checkNode(report) {
  const oldest = engines.node.replace('>=', '')
  const wanted = oldest.split('.').map(Number)
  const own = process.versions.node.split('.').map(Number)
  const differing = wanted.findIndex((part, index) => part !== own[index])
  if (differing < 0 || own[differing] > wanted[differing]) return
  const found = `${process.execPath} is Node ${process.versions.node}`
  report(`${found}, and onescan needs ${oldest} or later: put a newer one first in PATH`)
  process.exit(process.exitCode)
}
