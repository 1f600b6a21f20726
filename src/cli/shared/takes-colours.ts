/** Whether standard output is a terminal whose owner has not said that he wants none: no-color.org. */
export function takesColours(): boolean {
  return process.stdout.isTTY === true && !process.env.NO_COLOR && process.env.TERM !== 'dumb'
}
