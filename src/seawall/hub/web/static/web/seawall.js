/* What our pages add to GOV.UK and MoJ Frontend. Nothing here is needed for a page to be usable. */

/** Start the components of the page, and again of each fragment that htmx brings. */
export function start({ govuk, moj, FilterToggleButton }) {
  const begin = (scope) => {
    govuk({ scope })
    moj({ scope })
    wireFilters(scope, FilterToggleButton)
  }
  begin(document)
  document.addEventListener('htmx:afterSettle', (event) => begin(event.detail.elt))
  document.addEventListener('toggle', countExposure, true)
  document.addEventListener('submit', submitOnce, true)
  window.addEventListener('pageshow', (event) => event.persisted && releaseForms())
}

/** On a phone the filter lies over the page: give it the button that opens it, wherever the page put one. */
function wireFilters(scope, FilterToggleButton) {
  const button = document.querySelector('[data-sw-filter-toggle]')
  for (const filter of scope.querySelectorAll('[data-sw-filter]:not([data-sw-wired])')) {
    if (!button) continue
    filter.setAttribute('data-sw-wired', '')
    new FilterToggleButton(filter, {
      toggleButtonContainer: { element: button },
      closeButtonContainer: { element: filter.querySelector('.moj-filter__header-action') },
      startHidden: window.matchMedia('(max-width: 48.0525em)').matches
    })
  }
}

/** Tell the hub, once a page and item, that a person chose to see masked content. */
function countExposure(event) {
  const masked = event.target
  if (!masked.open || !masked.dataset?.exposureUrl || masked.dataset.counted) return
  masked.dataset.counted = 'yes'
  const headers = JSON.parse(document.body.getAttribute('hx-headers') || '{}')
  fetch(masked.dataset.exposureUrl, { method: 'POST', headers, keepalive: true, credentials: 'same-origin' })
    .then((answer) => { if (!answer.ok) delete masked.dataset.counted })
    .catch(() => { delete masked.dataset.counted })
}

/** A second press while the first is under way must not decide or send twice. */
function submitOnce(event) {
  const form = event.target
  if (form.method !== 'post' || form.hasAttribute('hx-post')) return
  if (form.dataset.sent) event.preventDefault()
  form.dataset.sent = 'yes'
}

/** A page that comes back from the browser's memory may be sent again. */
function releaseForms() {
  for (const form of document.forms) delete form.dataset.sent
}
