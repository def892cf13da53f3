<?php
/**
 * Plugin Name: Ad consent of orders
 * Description: Writes the visitor's answer about ad measurement into each new order, as meta data "_ad_consent".
 *
 * Save this file as wp-content/mu-plugins/ad-consent.php. WooCommerce records no such answer by itself.
 *
 * The answer is read from the cookie of the consent banner, at the moment of the order. For a banner with a cookie of its
 * own, add it to ad_consent_of_visitor(). Nothing is written where the visitor was not asked: no answer is no consent.
 * wp_has_consent() is not used, because it says yes where no banner has said anything.
 */

if ( ! defined( 'ABSPATH' ) ) {
	exit;
}

/**
 * Return "granted", "denied", or null where the banner has no answer.
 */
function ad_consent_of_visitor() {
	// The plug-in "WP Consent API", which many banners fill in.
	$answer = isset( $_COOKIE['wp_consent_marketing'] ) ? $_COOKIE['wp_consent_marketing'] : null;
	if ( 'allow' === $answer || 'deny' === $answer ) {
		return 'allow' === $answer ? 'granted' : 'denied';
	}
	// Cookiebot: marketing:true or marketing:false.
	$answer = isset( $_COOKIE['CookieConsent'] ) ? $_COOKIE['CookieConsent'] : null;
	if ( is_string( $answer ) && preg_match( '/\bmarketing:(true|false)\b/', $answer, $match ) ) {
		return 'true' === $match[1] ? 'granted' : 'denied';
	}
	return null;
}

/**
 * Write the answer into a new order. Both checkouts call it, the classic one and the one of blocks.
 */
function ad_consent_into_order( $order ) {
	$answer = ad_consent_of_visitor();
	if ( null !== $answer && $order instanceof WC_Order ) {
		$order->update_meta_data( '_ad_consent', $answer );
	}
}

add_action( 'woocommerce_checkout_create_order', 'ad_consent_into_order' );
add_action( 'woocommerce_store_api_checkout_update_order_meta', 'ad_consent_into_order' );
