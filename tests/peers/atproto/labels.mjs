// Reads a labeler as the reference implementation does: its identity, its declaration, its labels and their stream.
// Usage: node labels.mjs HUB_URL DID STREAM_URL CURSOR COUNT POST_URI
// Prints one JSON object: every label of queryLabels and of COUNT messages of the stream with whether its signature holds, and what
// the reference moderation shows of the post to a reader who subscribed to the labeler.
import { createRequire } from 'node:module'

// The packages lie in the cache folder of the network, where the working directory is; some are there for others only.
const require = createRequire(process.cwd() + '/')
const through = createRequire(require.resolve('@atproto/dev-env'))
const { getDidKeyFromMultibase, IdResolver } = through('@atproto/identity')
const { getServiceEndpoint, getVerificationMaterial } = through('@atproto/common-web')
const { cborEncode } = through('@atproto/common')
const { verifySignature } = through('@atproto/crypto')
const { Subscription } = through('@atproto/xrpc-server')
const { AtpAgent, interpretLabelValueDefinitions, lexicons, mock, moderatePost } = through('@atproto/api')

const [hub, did, stream, cursor, count, uri] = process.argv.slice(2)

const document = await new IdResolver().did.resolve(did)
if (!document) throw new Error(`No document of ${did}`)
const endpoint = getServiceEndpoint(document, { id: '#atproto_labeler', type: 'AtprotoLabeler' })
const key = getDidKeyFromMultibase(getVerificationMaterial(document, 'atproto_label'))

async function checked(label) {
  const { sig, $type, ...signed } = label
  return { ...signed, valid: await verifySignature(key, cborEncode(signed), sig) }
}

const record = await (await fetch(`${hub}/labels/declaration.json`)).json()
lexicons.assertValidRecord('app.bsky.labeler.service', record)

const agent = new AtpAgent({ service: endpoint })
const { data } = await agent.com.atproto.label.queryLabels({ uriPatterns: [uri], sources: [did] })
const queried = await Promise.all(data.labels.map(checked))

const streamed = []
if (Number(count)) {
  const abort = new AbortController()
  const subscription = new Subscription({
    service: stream,
    method: 'com.atproto.label.subscribeLabels',
    signal: abort.signal,
    getParams: () => ({ cursor: Number(cursor) }),
    validate: (value) => lexicons.assertValidXrpcMessage('com.atproto.label.subscribeLabels', value),
  })
  for await (const message of subscription) {
    for (const label of message.labels ?? []) {
      streamed.push({ seq: message.seq, ...(await checked(label)) })
    }
    if (streamed.length >= Number(count)) break
  }
  abort.abort()
}

// What an app does: labels in force are put on the post, and the reader's choices decide. Negations and ended labels are none.
const held = data.labels.filter((label) => !label.neg && !(label.exp && new Date(label.exp) < new Date()))
const definitions = interpretLabelValueDefinitions({ policies: record.policies, creator: { did } })
const post = mock.postView({
  record: mock.post({ text: 'A post.' }),
  author: mock.profileViewBasic({ handle: 'author.test', displayName: 'Author' }),
  labels: held,
})
const labelers = [{ did, labels: {} }]
const prefs = { adultContentEnabled: false, labels: {}, labelers, mutedWords: [], hiddenPosts: [] }
const decision = moderatePost(post, { userDid: 'did:plc:reader', prefs, labelDefs: { [did]: definitions } })
const [inList, onPage] = [decision.ui('contentList'), decision.ui('contentView')]
const vals = (causes) => causes.map((cause) => cause.label?.val)
console.log(
  JSON.stringify({
    endpoint,
    queried,
    streamed,
    shown: { covered: vals(inList.blurs), warned: vals(onPage.alerts), hidden: vals(inList.filters) },
  }),
)
process.exit(0)
