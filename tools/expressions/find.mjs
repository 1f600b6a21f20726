// Finds the regular expressions of a source file. Plain JavaScript, as its neighbour.
import { readFileSync } from 'node:fs'
import { stripTypeScriptTypes } from 'node:module'
import { parse } from 'acorn'
import { full } from 'acorn-walk'

/**
 * Those that are written as literals, and the calls of RegExp that make others, in their order:
 * `{ line, pattern, flags }`, or `{ line, made }` with the text of the call.
 */
export function findExpressions(file) {
  // Types become blanks: lines stay where they are.
  const text = stripTypeScriptTypes(readFileSync(file, 'utf8'))
  const found = []
  const tree = parse(text, { ecmaVersion: 'latest', sourceType: 'module', locations: true })
  full(tree, (node) => {
    const { line } = node.loc.start
    if (node.type === 'Literal' && node.regex) found.push({ line, ...node.regex })
    const calls = node.type === 'NewExpression' || node.type === 'CallExpression'
    if (calls && node.callee.type === 'Identifier' && node.callee.name === 'RegExp') {
      found.push({ line, made: text.slice(node.start, node.end) })
    }
  })
  return found.sort((match, other) => match.line - other.line)
}
