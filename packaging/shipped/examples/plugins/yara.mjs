// A plugin for PLUGINDIR: scans each content with yara(1) and your own rules.
// QHPSI="plugin: clamd yara.mjs". Adapt it as you need.
//
// clamd can use YARA rules, too (a .yar file in its DatabaseDirectory), but without modules and within its own
// limits; use this plugin for rules that need more. It starts one process for each content.
import { execFile } from 'node:child_process'

/** The rules: a file that onescand's account can read, and that only root can write to. */
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
