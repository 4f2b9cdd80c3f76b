// The table of results, and its place in docs/performance.md.

import { readFileSync, writeFileSync } from 'node:fs'

import type { Row } from './rows.ts'
import { median, ratioOfMedians } from './statistics.ts'

export interface Result {
  readonly row: Row
  /** Samples by engine, in the order of the table's columns. */
  readonly samples: readonly (readonly number[])[]
}

/** A markdown table: medians, and for each engine but the first how many times the first's median it takes. */
export function table(names: readonly string[], results: readonly Result[]): string {
  const ratios = names.slice(1).map(name => `${name} / ${names[0]}`)
  const head = ['what', 'samples', ...names, ...ratios, 'command']
  const lines = [head, head.map(() => '---'), ...results.map(cells)]
  return lines.map(line => `| ${line.join(' | ')} |`).join('\n')
}

function cells({ row, samples: [base = [], ...others] }: Result): string[] {
  const show = (values: readonly number[]) => `${figure(median(values))} ${row.unit}`
  const ratios = others.map(values => {
    const { ratio, low, high } = ratioOfMedians(values, base)
    return `**${figure(ratio)}×** (${figure(low)}–${figure(high)})`
  })
  const medians = [base, ...others].map(show)
  return [row.what, String(base.length), ...medians, ...ratios, `\`bench/run --only ${row.name}\``]
}

/** A number with three digits that count. */
export function figure(value: number): string {
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2)
}

const commandOf = (line: string) => /`bench\/run --only [\w-]+`/.exec(line)?.[0]

/** A table with the rows of `measured` in place of those that `page` has for the same command; others stay, new ones come last. */
export function merged(page: string, measured: string): string {
  const fresh = new Map(measured.split('\n').flatMap(line => [[commandOf(line), line] as const]))
  const lines = page.split('\n').map(line => {
    const command = commandOf(line)
    const newer = fresh.get(command)
    if (command === undefined || newer === undefined || line.includes('against itself')) return line
    fresh.delete(command)
    return newer
  })
  const last = lines.findLastIndex(line => commandOf(line) !== undefined && !line.includes('against itself'))
  fresh.delete(undefined)
  return [...lines.slice(0, last + 1), ...fresh.values(), ...lines.slice(last + 1)].join('\n')
}

/** Replaces what is between the markers of `what` in `path`. */
export function writeReport(path: string, text: string, what = 'this'): void {
  const page = readFileSync(path, 'utf8')
  const start = page.indexOf('\n', page.indexOf(`<!-- bench/run writes ${what} from here`))
  const end = page.indexOf(`<!-- ${what} to here -->`)
  if (start < 0 || end < start) throw new Error(`${path} has no place for the results`)
  writeFileSync(path, `${page.slice(0, start)}\n\n${text}\n\n${page.slice(end)}`)
}
