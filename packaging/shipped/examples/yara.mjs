// A plugin for PLUGINDIR: asks yara(1) about each content, by rules of your own.
// QHPSI="plugin: clamd yara.mjs". It is yours: change it.
//
// clamd reads YARA rules, too (a .yar file in its DatabaseDirectory), but not their modules, and with limits
// of its own; use this plugin for rules that need them. It starts a process for each content.
import { execFile } from 'node:child_process'

/** The rules: a file that the account of onescand can read, and only root can write. */
const RULES = process.env.YARA_RULES ?? '/etc/onescan/rules.yar'

export function virusscan({ path, part, signal }) {
  const words = ['--fail-on-warnings', '--no-follow-symlinks', RULES, part?.path ?? path]
  return new Promise((resolve) => {
    execFile('yara', words, { signal, maxBuffer: 1 << 20 }, (error, out, err) => {
      const [rule] = /^\S+/.exec(out) ?? []
      if (error) resolve({ defer: `yara: ${err.trim() || error.message}`.slice(0, 900) })
      else resolve(rule === undefined ? { clean: true } : { infected: true, name: `Yara.${rule}` })
    })
  })
}
