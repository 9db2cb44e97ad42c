package dev.larder.webhooks;

/** Is told what attempts come to. */
interface WebhookObserver {

    void attempted(Verdict verdict);
}
