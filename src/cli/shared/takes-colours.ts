import { terminal } from './root-facts.ts'

/** Whether standard output is a terminal, and its owner did not refuse colours: no-color.org. */
export function takesColours(): boolean {
  return terminal().output && !process.env.NO_COLOR && process.env.TERM !== 'dumb'
}
