// Passkeys: asks the browser to use or to make one, and sends its answer with the form.
// data-passkey names the field for the answer; data-passkey-new says that one is to be made.
(() => {
  const buttons = root => root.querySelectorAll('[data-passkey]');
  const able = window.PublicKeyCredential && navigator.credentials;
  const bytes = text => Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), c => c.charCodeAt(0));
  const text = buffer => buffer && btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
  const known = list => (list ?? []).map(c => ({ ...c, id: bytes(c.id) }));

  // What is asked comes from the server, with a challenge that works once.
  async function options(form, address) {
    const response = await fetch(address, { method: 'POST', headers: { 'X-CSRF-Token': form.elements.csrf.value } });
    if (!response.ok) throw new Error(response.status);
    const { publicKey } = await response.json();
    return { ...publicKey, challenge: bytes(publicKey.challenge) };
  }

  async function use(form) {
    const publicKey = await options(form, '/signin/passkey/begin');
    publicKey.allowCredentials = known(publicKey.allowCredentials);
    return navigator.credentials.get({ publicKey });
  }

  async function make(form) {
    const publicKey = await options(form, '/account/security/passkeys/begin');
    publicKey.user.id = bytes(publicKey.user.id);
    publicKey.excludeCredentials = known(publicKey.excludeCredentials);
    return navigator.credentials.create({ publicKey });
  }

  function answer({ id, rawId, type, authenticatorAttachment, response }) {
    const sent = { clientDataJSON: text(response.clientDataJSON) };
    for (const name of ['attestationObject', 'authenticatorData', 'signature', 'userHandle']) {
      if (response[name]) sent[name] = text(response[name]);
    }
    if (response.getTransports) sent.transports = response.getTransports();
    return JSON.stringify({ id, rawId: text(rawId), type, authenticatorAttachment, clientExtensionResults: {}, response: sent });
  }

  async function clicked(button) {
    const form = button.form, error = form.querySelector('[data-passkey-error]');
    error.hidden = true;
    button.disabled = true;
    try {
      form.elements[button.dataset.passkey].value = answer(await (button.matches('[data-passkey-new]') ? make : use)(form));
      form.submit(); // the other fields may be empty
    } catch (e) {
      error.textContent = e.name === 'InvalidStateError' ? 'This device has a passkey for Trak already.'
        : e.name === 'NotAllowedError' ? 'No passkey was used. Try again, or go on without.'
          : 'That did not work. Reload the page and try again, or go on without a passkey.';
      error.hidden = false;
    }
    button.disabled = false;
  }

  document.addEventListener('click', e => {
    const button = e.target.closest('[data-passkey]');
    if (button) clicked(button);
  });
  buttons(document).forEach(button => {
    button.hidden = !able;
    if (able) return;
    const error = button.form.querySelector('[data-passkey-error]');
    error.textContent = 'This browser knows no passkeys here. They need https.';
    error.hidden = !button.matches('[data-passkey-new]'); // who signs in has the password
  });
})();
