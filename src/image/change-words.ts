// Words of a Dockerfile instruction, with its quotes and backslashes.

/** Splits at blanks outside quotes; the quotes stay. */
export function splitWords(text: string): string[] {
  return text.match(/(?:[^\s"'\\]|\\.|"(?:[^"\\]|\\.)*"?|'[^']*'?|\\$)+/gs) ?? []
}

/** Takes the quotes away, and the backslashes that protect something. */
export function unquote(word: string): string {
  return word.replace(
    /"((?:[^"\\]|\\.)*)"?|'([^']*)'?|\\(.)/gs,
    (_, double?: string, single?: string, escaped?: string) => {
      if (double !== undefined) return double.replace(/\\(["\\$])/g, '$1')
      return single ?? escaped ?? ''
    },
  )
}
