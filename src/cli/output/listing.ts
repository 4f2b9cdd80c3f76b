// Lists as `ps` and `images` print them: a table, names only, JSON lines or a template of the user's.

import { goJson } from '../../lib/template/functions.ts'
import { formatTable } from './table.ts'
import { compileTemplate } from './template.ts'

/** One line of a list: its fields as templates name them. */
export type Row = Readonly<Record<string, string | null>>

export interface Listing {
  readonly rows: readonly Row[]
  /** Column titles by field. */
  readonly titles: Readonly<Record<string, string>>
  /** The fields the plain table shows. */
  readonly columns: readonly string[]
  /** The field that --quiet shows. */
  readonly key: string
}

/** The text of a list in `format`: undefined or `table`, `table TEMPLATE`, `json`, or a template for each line. */
export function formatListing(listing: Listing, format: string | undefined, quiet: boolean): string {
  const { rows, key } = listing
  if (format === 'json') return rows.map(row => `${escapedJson(row)}\n`).join('')
  if (format === undefined || format === 'table')
    return quiet ? lines(rows.map(row => row[key] ?? '')) : plainTable(listing)
  const columns = /^table\s+(.*)$/s.exec(format)?.[1]
  if (columns === undefined) return lines(rows.map(compileTemplate(format)))
  const render = compileTemplate(columns)
  return formatTable([listing.titles, ...rows].map(row => render(row).split('\t')))
}

// Rows are encoded as Go does by default, unlike what templates print.
const escapedJson = (row: Row) => goJson(row).replace(/[<>&]/g, mark => `\\u00${mark.charCodeAt(0).toString(16)}`)

const lines = (texts: readonly string[]) => texts.map(text => `${text}\n`).join('')

function plainTable({ rows, titles, columns }: Listing): string {
  return formatTable([titles, ...rows].map(row => columns.map(column => row[column] ?? '')))
}

/** A time as Go prints it: `2026-01-31 08:05:09 +0100 CET`. */
export function goTime(seconds: number): string {
  const date = new Date(seconds * 1000)
  const offset = -date.getTimezoneOffset()
  const local = new Date(date.getTime() + offset * 60_000).toISOString()
  const zone = `${offset < 0 ? '-' : '+'}${two(Math.trunc(Math.abs(offset) / 60))}${two(Math.abs(offset) % 60)}`
  return `${local.slice(0, 10)} ${local.slice(11, 19)} ${zone} ${zoneName(date)}`
}

const two = (number: number) => String(number).padStart(2, '0')

function zoneName(date: Date): string {
  const parts = new Intl.DateTimeFormat('en', { timeZoneName: 'short' }).formatToParts(date)
  return parts.find(part => part.type === 'timeZoneName')?.value ?? 'UTC'
}

/** Labels as one field: `a=b,c=d`, in the order of their names. */
export function joinLabels(labels: Readonly<Record<string, string>> | null | undefined): string {
  return Object.entries(labels ?? {})
    .map(pair => pair.join('='))
    .toSorted()
    .join(',')
}
