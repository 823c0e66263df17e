use std::{marker::PhantomData, sync::Arc};

use poem::{Request, RequestBody, Result};
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions};
use uuid::Uuid;

use crate::{Claims, Gate, Permission, Problem, Refusal, document};

/// The caller's token carries the permission `P`.
///
/// As a handler's first argument it is the handler's guard: without it the handler doesn't run.
#[derive(Clone, Debug)]
pub struct Require<P> {
    /// What the caller's token says.
    pub claims: Arc<Claims>,
    permission: PhantomData<P>,
}

impl<P: Permission> Require<P> {
    /// The permission that was required.
    #[must_use]
    pub fn permission(&self) -> &'static str {
        P::NAME
    }
}

/// The caller has a valid token, and either owns what is asked for or carries the permission `P`: which of the two the
/// handler finds out, and then asks [`OwnerOr::allow`].
#[derive(Clone, Debug)]
pub struct OwnerOr<P> {
    /// What the caller's token says.
    pub claims: Arc<Claims>,
    refusal: Option<Refusal>,
    permission: PhantomData<P>,
}

impl<P: Permission> OwnerOr<P> {
    /// The permission that whoever isn't the owner needs.
    #[must_use]
    pub fn permission(&self) -> &'static str {
        P::NAME
    }

    /// Whether the caller is this one.
    #[must_use]
    pub fn is(&self, owner: Uuid) -> bool {
        self.claims.sub == owner
    }

    /// Refuses who neither is the owner nor carries the permission; of what there isn't there is no owner.
    pub fn allow(&self, owner: Option<Uuid>) -> Result<(), Problem> {
        match &self.refusal {
            Some(refusal) if !owner.is_some_and(|owner| self.is(owner)) => Err(refusal.clone().into()),
            _ => Ok(()),
        }
    }
}

/// The caller has a valid token; no permission is needed.
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// What the caller's token says.
    pub claims: Arc<Claims>,
}

/// Anyone may call, with or without a token.
#[derive(Clone, Copy, Debug)]
pub struct Public;

/// The gate, and who the caller is.
async fn caller(request: &Request) -> Result<(&Gate, Arc<Claims>), Problem> {
    // An endpoint mounted without its gate lets nobody in.
    let gate = request.data::<Gate>().ok_or(Refusal::Silent)?;
    let claims = gate.caller(request.headers()).await?;
    Ok((gate, claims))
}

macro_rules! guard {
    ([$($generics:tt)*] $type:ty, [$($marker:expr),+], |$request:ident| $check:expr) => {
        impl<'a, $($generics)*> ApiExtractor<'a> for $type {
            const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::SecurityScheme];
            type ParamType = ();
            type ParamRawType = ();

            fn security_schemes() -> Vec<&'static str> {
                vec![$($marker),+]
            }

            async fn from_request(
                $request: &'a Request,
                _body: &mut RequestBody,
                _options: ExtractParamOptions<()>,
            ) -> Result<Self> {
                $check
            }
        }
    };
}

guard!([P: Permission] Require<P>, [P::NAME], |request| {
    let (gate, claims) = caller(request).await?;
    gate.carries(&claims, P::NAME).map_err(Problem::from)?;
    Ok(Self { claims, permission: PhantomData })
});
guard!([P: Permission] OwnerOr<P>, [P::NAME, document::OR_OWNER], |request| {
    let (gate, claims) = caller(request).await?;
    let refusal = gate.carries(&claims, P::NAME).err();
    Ok(Self { claims, refusal, permission: PhantomData })
});
guard!([] SignedIn, [document::SIGNED_IN], |request| {
    let (_, claims) = caller(request).await?;
    Ok(Self { claims })
});
guard!([] Public, [document::PUBLIC], |_request| Ok(Self));
