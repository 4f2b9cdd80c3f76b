// The PORTS column: published ports, with neighbouring numbers joined to ranges.

/** One published or exposed port of the container list. */
export interface ListedPort {
  readonly IP?: string
  readonly PrivatePort: number
  readonly PublicPort?: number
  readonly Type: string
}

interface Range {
  readonly ip: string
  readonly type: string
  readonly first: number
  last: number
}

/** `443/tcp, 0.0.0.0:8080->80/tcp`: ports with the same number on both sides first, as ranges where they adjoin. */
export function displayPorts(ports: readonly ListedPort[]): string {
  const open = new Map<string, Range>()
  const closed: Range[] = []
  const mapped: string[] = []
  for (const port of ports.toSorted(comparePorts)) {
    const { IP: ip = '', PrivatePort: inner, PublicPort: outer, Type: type } = port
    if (ip !== '' && outer !== inner) {
      mapped.push(`${hostPort(ip, String(outer ?? 0))}->${inner}/${type}`)
      continue
    }
    const key = `${ip}/${type}`
    const range = open.get(key)
    if (range && range.last + 1 === inner) range.last = inner
    else {
      if (range) closed.push(range)
      open.set(key, { ip, type, first: inner, last: inner })
    }
  }
  return [...[...closed, ...open.values()].map(describeRange), ...mapped].join(', ')
}

function describeRange({ ip, type, first, last }: Range): string {
  const span = first === last ? String(first) : `${first}-${last}`
  return ip === '' ? `${span}/${type}` : `${hostPort(ip, span)}->${span}/${type}`
}

const hostPort = (ip: string, port: string) => (ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`)

function comparePorts(a: ListedPort, b: ListedPort): number {
  return (
    a.PrivatePort - b.PrivatePort ||
    compare(a.IP ?? '', b.IP ?? '') ||
    (a.PublicPort ?? 0) - (b.PublicPort ?? 0) ||
    compare(a.Type, b.Type)
  )
}

const compare = (a: string, b: string) => (a < b ? -1 : Number(a > b))
