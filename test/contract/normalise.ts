// What may differ between two runs of the same engine is replaced by what it is.

import type { Engine } from '../kit/engine.ts'

const ago = '(?:Less than a second|About an? \\w+|\\d+ \\w+)'

const patterns: readonly (readonly [RegExp, string])[] = [
  [/\b[0-9a-f]{64}\b/g, '<id>'],
  [/\b(?=[0-9a-f]*[a-f])(?=[0-9a-f]*\d)[0-9a-f]{12}\b/g, '<id>'],
  // Compared item by item in src/runtime/spec.test.ts; the list depends on the host's processors.
  [/"MaskedPaths":\[[^\]]+\]/g, '"MaskedPaths":[<paths>]'],
  // Where the namespace is kept is the engine's own business.
  [/"SandboxKey":"[^"]+"/g, '"SandboxKey":"<path>"'],
  // What the CLI's own goroutines say depends on which of them is first.
  [/^(?:! )?time="[^"]*" level=error msg="Can't (?:add file|close tar writer).*\n/gm, ''],
  [/docker-import-\d+/g, 'docker-import-<number>'],
  [/\b(?!0001-01-01)\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)/g, '<time>'],
  [new RegExp(`\\b${ago} ago\\b`, 'g'), '<ago>'],
  [new RegExp(`\\bUp ${ago}\\b`, 'g'), 'Up <time>'],
  // Padding of a table depends on the widths of what was replaced.
  [/ {2,}/g, '  '],
  [/ +$/gm, ''],
]

/** Makes an engine's output comparable: its own paths, random ids and times become names. `known` ids keep theirs. */
export function normalise(text: string, engine: Engine, known: ReadonlyMap<string, string>): string {
  let result = text.replaceAll(engine.directory, '<dir>')
  for (const [id, name] of known) result = result.replaceAll(id, name).replaceAll(id.slice(0, 12), name)
  for (const [pattern, name] of patterns) result = result.replace(pattern, name)
  return result
}
