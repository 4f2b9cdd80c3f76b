// The text of --help, made from the table of options.

import type { Option } from './options.ts'

const width = 80

/** The whole help. */
export function helpText(options: readonly Option[]): string {
  const rows: [string, string][] = [
    ...options.map((option): [string, string] => [signature(option), description(option)]),
    ['-h, --help', 'Print usage'],
    ['-v, --version', 'Print version information and quit'],
  ]
  rows.sort(([a], [b]) => (a.slice(6) < b.slice(6) ? -1 : 1))
  const column = Math.max(...rows.map(([left]) => left.length)) + 5
  const lines = rows.map(([left, right]) => `  ${left.padEnd(column - 2)}${wrap(right, column)}`)
  return `Usage:  gantryd [OPTIONS]\n\nA container engine that serves the Docker Engine API.\n\nOptions:\n${lines.join('\n')}\n`
}

function signature({ flag, short, kind }: Option): string {
  const name = `${short === undefined ? '   ' : `-${short},`} --${flag}`
  return kind.placeholder === '' ? name : `${name} ${kind.placeholder}`
}

function description({ help, default: initial, kind }: Option): string {
  const shown = initial === undefined || initial === false || initial === '' || initial === 0 || isEmpty(initial)
  if (shown) return help
  const text = kind.placeholder === 'bytes' ? `${Number(initial) / 1024 ** 2}MiB` : JSON.stringify(initial)
  return `${help} (default ${text})`
}

const isEmpty = (value: unknown) => typeof value === 'object' && value !== null && Object.keys(value).length === 0

function wrap(text: string, indent: number): string {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + word.length + 1 > width - 25) {
      lines.push(line)
      line = ''
    }
    line = line === '' ? word : `${line} ${word}`
  }
  return [...lines, line].join(`\n${' '.repeat(indent)}`)
}
