export function checkExpressions(files?: readonly string[]): {
  /** What is slow, `file:line expression: why`, and trust that nothing needs any more. */
  readonly troubles: readonly string[]
  readonly count: number
}
