// Ends the program in one line if this Node is older than the package says, with the exit code that is set.
// Node 12 can read it, too: each program calls it before it loads anything else.
'use strict'
const { engines } = require('../package.json')

/** `tell` gets the line, which is a path, two versions and the remedy. */
module.exports = function checkNode(tell) {
  const oldest = engines.node.replace('>=', '')
  const wanted = oldest.split('.').map(Number)
  const own = process.versions.node.split('.').map(Number)
  const differing = wanted.findIndex((part, index) => part !== own[index])
  if (differing < 0 || own[differing] > wanted[differing]) return
  const found = `${process.execPath} is Node ${process.versions.node}`
  tell(`${found}, and onescan needs ${oldest} or later: put a newer one first in PATH`)
  process.exit(process.exitCode)
}
