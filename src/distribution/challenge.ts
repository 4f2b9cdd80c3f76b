// What a server wants to know before it answers: the challenges of WWW-Authenticate (RFC 9110, section 11.6.1).

export interface Challenge {
  /** In lower case. */
  readonly scheme: string
  /** By their names in lower case. */
  readonly parameters: Readonly<Record<string, string>>
}

/** Longer ones are not read: nothing real comes near. */
const maximumLength = 8192

// One token, then `=` and a value, which is a token or quoted; or a token alone, which begins a challenge.
const part =
  /\s*,?\s*([!#$%&'*+.^_`|~0-9a-z-]+)(?:\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([!#$%&'*+.^_`|~0-9a-z:/-]+))(?=\s*(?:,|$))|(?=\s|,|$))/iy

/** The challenges of a header's values, in their order; what can't be read ends the list. */
export function parseChallenges(header: string | readonly string[] | undefined): Challenge[] {
  const values = header === undefined ? [] : typeof header === 'string' ? [header] : header
  return values.flatMap(parseOne)
}

function parseOne(text: string): Challenge[] {
  const found: { scheme: string; parameters: Record<string, string> }[] = []
  if (text.length > maximumLength) return found
  part.lastIndex = 0
  for (let match = part.exec(text); match; match = part.exec(text)) {
    const [, name = '', quoted, token] = match
    const value = quoted?.replaceAll(/\\(.)/g, '$1') ?? token
    if (value === undefined)
      found.push({ scheme: name.toLowerCase(), parameters: Object.create(null) as Record<string, string> })
    else {
      const last = found.at(-1)
      if (last) last.parameters[name.toLowerCase()] = value
    }
  }
  return found
}
